"""What became of a run, in its folder: `status.yaml`, and `error.txt` where it failed."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import traceback
from pathlib import Path
from typing import Any

from autrainer.errors import RunInUseError, message_of
from autrainer.runs.layout import ERROR_FILE, STATUS_FILE
from autrainer.runs.writing.files import remove_file, write_text
from autrainer.runs.yaml.reading import read_mapping
from autrainer.runs.yaml.writing import write_yaml

RUNNING, FINISHED, FAILED, INTERRUPTED = "running", "finished", "failed", "interrupted"
STOPPED = "stopped"
"""Finished as well, but before its last iteration, because a callback asked for it."""
PRUNED = "pruned"
"""How the reason begins where a search has given up a run that fell behind others."""


class Status:
    """Keeps the status of a run folder up to date, for who holds its lock.

    Args:
        folder: The run folder.
        is_same_attempt: Another process has begun the attempt, and has ended.
    """

    def __init__(self, folder: Path, *, is_same_attempt: bool = False) -> None:
        self._folder = folder
        earlier = read_status(folder)
        self._content: dict[str, Any] = {
            "state": RUNNING,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "begun": _now(),
            "ended": None,
            "attempts": _count(earlier.get("attempts")) + 1,
            "exception": None,
        }
        if is_same_attempt:
            self._content |= earlier

    def begin(self) -> None:
        """A process works on the run from now on."""
        remove_file(self._folder / ERROR_FILE)
        self._write()

    def finish(
        self,
        table_checksum: str,
        early_end: tuple[int, str] | None = None,
        conditions: dict[str, Any] | None = None,
    ) -> None:
        """Everything is on disk.

        Args:
            table_checksum: Of the table of metrics, from which a longer run takes its history.
            early_end: The last iteration and the reason, if that was not the last one planned.
            conditions: The samples and the environments of the run.
        """
        self._content["table_checksum"] = table_checksum
        if conditions is not None:
            self._content["conditions"] = conditions
        if early_end is None:
            self._end(FINISHED)
        else:
            self._content["iteration"], self._content["reason"] = early_end
            self._end(STOPPED)

    def stop(self, error: BaseException, *, interrupted: bool = False) -> None:
        """The run has ended early, by an error or because somebody wanted it to.

        Raises nothing: the error that is told here must not be lost to another one.
        """
        kind = type(error).__qualname__
        self._content["exception"] = {"type": kind, "message": message_of(error)}
        with contextlib.suppress(OSError):
            if not interrupted:
                text = "".join(traceback.format_exception(error))
                write_text(self._folder / ERROR_FILE, text)
            self._end(INTERRUPTED if interrupted else FAILED)

    def _end(self, state: str) -> None:
        self._content |= {"state": state, "ended": _now()}
        self._write()

    def _write(self) -> None:
        write_yaml(self._folder / STATUS_FILE, self._content)


def record_failure(folder: Path, error: BaseException) -> None:
    """Tell in a run folder why a run could not begin, unless another process works on it.

    Raises nothing, as `Status.stop`.
    """
    with contextlib.suppress(RunInUseError, OSError):
        from autrainer.runs.locking.lock import RunLock

        lock = RunLock(folder, watches=False)
        try:
            Status(folder).stop(error)
        finally:
            lock.release()


def record_end(folder: Path, error: BaseException, *, interrupted: bool = False) -> None:
    """Tell in a run folder how an attempt has ended, for who has started its processes.

    All of them have ended. Raises nothing, as `Status.stop`.

    Args:
        folder: The run folder.
        error: Why.
        interrupted: Whether somebody wanted it to.
    """
    with contextlib.suppress(RunInUseError, OSError):
        from autrainer.runs.locking.lock import RunLock

        lock = RunLock(folder, watches=False)
        try:
            Status(folder, is_same_attempt=True).stop(error, interrupted=interrupted)
        finally:
            lock.release()


def read_status(folder: Path) -> dict[str, Any]:
    """Content of `status.yaml`; empty if there is none that can be read."""
    return read_mapping(folder / STATUS_FILE)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
