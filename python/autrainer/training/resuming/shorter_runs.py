"""Shorter runs of a configuration: which there are, and keeping others from changing one."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from autrainer.config.identity import fingerprint, same_but_iterations
from autrainer.errors import OutputError, RunInUseError
from autrainer.runs.finished import is_finished
from autrainer.runs.layout import CONFIG_FILE, STATUS_FILE, TABLE
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.writing.folders import REMOVING

log = logging.getLogger(__name__)


LONGEST_COPY_S = 600.0
"""How long others may copy or remove a shorter run before it is not waited for any more."""

POLL_S = 0.2
MOST_KNOWN = 1 << 16
"""Runs of which is kept what they are compared by, some hundred bytes each."""

_UNREADABLE = (OSError, ValueError, KeyError, TypeError)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class FinishedRun:
    """A finished run that another one can go on from.

    Args:
        path: Its folder.
        iterations: How many iterations it trained.
    """

    path: Path
    iterations: int


def shorter_runs(
    runs_dir: Path, config: Mapping[str, Any], *, besides: Path
) -> Iterator[FinishedRun]:
    """Finished runs of the same configuration with fewer iterations, the longest first, each once.

    Folders are told by the configuration inside them, never by their names. They are looked for
    again for every one that is asked for: others may have removed or finished one meanwhile.

    Args:
        runs_dir: Folder whose folders are runs.
        config: Configuration of the run that wants to go on.
        besides: Its own folder.
    """
    tried = {besides}
    wanted = fingerprint(config), int(config["iterations"])
    while True:
        folders = [path for path in sorted(runs_dir.iterdir()) if path not in tried]
        found = [run for path in folders if (run := _finished(path, *wanted)) is not None]
        if not found:
            return
        longest = max(found, key=lambda run: run.iterations)
        tried.add(longest.path)
        yield longest


def _finished(path: Path, wanted: str, iterations: int) -> FinishedRun | None:
    if path.name.endswith(REMOVING) or not (path / TABLE).is_file():
        return None
    signature = (_signature(path / CONFIG_FILE), _signature(path / STATUS_FILE))
    try:
        known = _read(path, signature)
    except _UNREADABLE as error:
        log.warning("%s cannot be gone on from: %s", path, error)
        return None
    if known is None or known.fingerprint != wanted or known.iterations >= iterations:
        return None
    return FinishedRun(path, known.iterations)


_Signature = tuple[int, int, int] | None


def _signature(path: Path) -> _Signature:
    """What changes when a file is written to or replaced; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class _Known:
    """What a finished run is compared by."""

    fingerprint: str
    iterations: int


@lru_cache(MOST_KNOWN)
def _read(path: Path, signature: tuple[_Signature, _Signature]) -> _Known | None:
    """Read a run; None if it has not finished.

    Each run of a sweep looks at all that have finished before it, so that what was read is kept.
    The signature is not read: with another one the files are read again.
    """
    if not is_finished(path):
        return None
    config, iterations = _config_of(path)
    return _Known(fingerprint(config), iterations)


def _config_of(path: Path) -> tuple[dict[str, Any], int]:
    """The configuration of a finished run, and how many iterations it trained.

    Raises:
        OSError, ValueError, KeyError, TypeError: if there is none that can be read.
    """
    record = RunRecord(path)
    config = record.read_config()
    if config is None:
        raise FileNotFoundError(f"{path}: it has no {CONFIG_FILE}")
    return config, record.stopped_at or int(config["iterations"])


def as_shorter_run(path: Path, config: Mapping[str, Any]) -> FinishedRun | None:
    """A finished run, if it is one of the same configuration with fewer iterations."""
    try:
        other, iterations = _config_of(path)
    except _UNREADABLE as error:
        log.warning("%s cannot be gone on from: %s", path, error)
        return None
    if iterations >= int(config["iterations"]) or not same_but_iterations(other, config):
        return None
    return FinishedRun(path, iterations)


@contextmanager
def held(folder: Path, check: Callable[[], None]) -> Iterator[None]:
    """Within the block no other process changes a finished run.

    Args:
        folder: Its folder.
        check: Called while others copy or remove it; raises to stop waiting.

    Raises:
        FileNotFoundError: if it is there no more, or trained again.
        RunInUseError: if others have held it for too long.
        OutputError: if it cannot be locked for another reason than that it is read-only.
    """
    try:
        lock = _locked(folder, check)
    except OutputError as error:
        if error.errno == errno.ENOENT or not folder.is_dir():
            raise FileNotFoundError(f"{folder}: it was removed meanwhile") from error
        if error.errno not in _READ_ONLY:
            raise
        # A run of somebody else, who alone can remove it. A copy tells whether it was changed.
        yield
        return
    try:
        if not is_finished(folder):
            raise FileNotFoundError(f"{folder}: it has not finished")
        yield
    finally:
        lock.release()


def _locked(folder: Path, check: Callable[[], None]) -> RunLock:
    give_up, is_reported = time.monotonic() + LONGEST_COPY_S, False
    while True:
        try:
            return RunLock(folder)
        except RunInUseError as error:
            if time.monotonic() > give_up or not is_finished(folder):
                raise
            if not is_reported:
                log.info("Waiting: %s", error)
                is_reported = True
        check()
        time.sleep(POLL_S)
