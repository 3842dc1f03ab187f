"""One process at a time works on a run folder; a process that died leaves nothing in the way."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

from autrainer.errors import OutputError, RunInUseError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FILE_NAME = ".lock"

BEAT_S = 20.0
"""How often the owner shows that it is alive, to those on other machines."""

ORPHANS_S = 10.0
"""How long to wait for the children of an owner that died; loader workers look every 5 s."""

SILENT_S = 120.0
"""An owner on another machine that has been silent for as long is taken for dead."""


class RunLock:
    """Held by the process that works on a run folder.

    The system's own lock on the file tells processes of one machine apart, and on most network
    file systems those of several; it ends with its process, however that ends. Where the system
    locks within a machine only, the age of the file tells whether an owner elsewhere still lives.

    Args:
        folder: The run folder, which exists.

    Raises:
        RunInUseError: naming host and process, if another one works on the folder.
        OutputError: if the folder takes no lock file.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        try:
            self._file = _taken(self.path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(
                f"{folder} cannot be worked on: its lock {self.path} cannot be written: {reason}; "
                "make the folder writable, or choose another one with results_dir"
            ) from error
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="autrainer-lock", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Let others work on the folder; may be called again."""
        if self._released.is_set():
            return
        self._released.set()
        self._thread.join()
        # Removed before it is unlocked: whoever waits for this file then finds it gone. Where it
        # cannot be removed it stays, and is found unlocked.
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._file)

    def _beat(self) -> None:
        while not self._released.wait(BEAT_S):
            try:
                os.utime(self._file)
            except OSError:
                return


def _taken(path: Path) -> int:
    """The lock file, locked, still the one that stands in the folder, and with our name in it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            is_locked = _lock(file, path)
            if _is_at(file, path):
                _refuse_living_owner(path, _content(file), is_locked=is_locked)
                _replace_content(file, _myself())
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock(file: int, path: Path) -> bool:
    """Lock the file; False where the system has no locks."""
    if fcntl is None:
        return False
    give_up = time.monotonic() + ORPHANS_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError as error:
            owner = _content(file)
            if not _is_dead(owner) or time.monotonic() > give_up:
                raise _in_use(path, owner) from error
            # Its forked children share its lock, and notice a little later that it is gone.
            time.sleep(0.1)
        except OSError:
            # This file system has no locks; the content and the age of the file have to do.
            return False


def _is_dead(owner: dict[str, Any]) -> bool:
    """Whether the owner was a process of this machine that is no more."""
    if owner.get("host") != socket.gethostname():
        return False
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _is_at(file: int, path: Path) -> bool:
    try:
        found, own = os.stat(path), os.fstat(file)
    except FileNotFoundError:
        return False
    return (found.st_ino, found.st_dev) == (own.st_ino, own.st_dev)


def _refuse_living_owner(path: Path, owner: dict[str, Any], *, is_locked: bool) -> None:
    """Refuse owners that the system's lock, if we hold one, does not tell us about."""
    me = _myself()
    if not owner or (is_locked and owner.get("host") == me["host"]) or _is_dead(owner):
        return
    job = owner.get("slurm_job")
    age_s = time.time() - path.stat().st_mtime
    # A job that SLURM has put back into the queue is the same job, on another node.
    if age_s < SILENT_S and not (job and job == me["slurm_job"]):
        raise _in_use(path, owner, f"; if it is dead, wait {SILENT_S - age_s:.0f} s")


def _in_use(path: Path, owner: dict[str, Any], hint: str = "") -> RunInUseError:
    who = (
        f"process {owner.get('pid')} on {owner.get('host')} (since {owner.get('since')})"
        if owner
        else "another process"
    )
    return RunInUseError(f"{path.parent} is being worked on by {who}; wait for it or stop it{hint}")


def _content(file: int) -> dict[str, Any]:
    try:
        content = json.loads(os.pread(file, 4096, 0) or b"{}")
    except ValueError:
        return {}
    names_owner = isinstance(content, dict) and isinstance(content.get("host"), str)
    return content if names_owner and isinstance(content.get("pid"), int) else {}


def _replace_content(file: int, content: dict[str, Any]) -> None:
    data = json.dumps(content).encode()
    os.ftruncate(file, 0)
    os.pwrite(file, data, 0)


def _myself() -> dict[str, Any]:
    """Who works on the folder, for those who find it locked."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
    }
