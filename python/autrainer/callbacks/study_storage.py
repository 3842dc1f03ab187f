"""The file in which the study of a search is kept, open in several processes at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

from autrainer.runs.extras import require
from autrainer.runs.locking import flocks
from autrainer.runs.locking.mounts import has_locks_of_one_machine
from autrainer.runs.writing.opening import open_regular

BLOCK = 1 << 16


def require_optuna() -> None:
    """Look for Optuna without importing it.

    Raises:
        MissingExtraError: if it is not installed.
    """
    require("optuna", "hydra/sweeper=autrainer_optuna", "optuna", "optuna")


def open_storage(path: Path) -> Any:
    """The file in which a study is kept; several processes may have it open.

    Raises:
        MissingExtraError: if Optuna is not installed.
    """
    require_optuna()
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

    # What it says of trials that begin and end is said by the sweep.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    is_certain = has_certain_locks(path.parent)
    lock: Lock = FileLock(path) if is_certain else JournalFileSymlinkLock(str(path))
    whole: Any = WholeLines(path, lock)
    return JournalStorage(JournalFileBackend(str(path), whole))


def has_certain_locks(folder: Path) -> bool:
    """Whether locks of the system end with their process here, and are seen by all others."""
    return has_locks_of_one_machine(folder) and flocks.are_there(folder)


class Lock(Protocol):
    """What Optuna needs of a lock."""

    def acquire(self) -> bool:
        """Wait for the lock, and take it."""

    def release(self) -> None:
        """Give it back."""


class FileLock:
    """The lock of the system on a file: it ends with the process that holds it.

    Optuna's own locks are files, which a process that is killed leaves behind: all others wait for
    half a minute then, and one that was only suspended is robbed of its lock.

    Args:
        path: The file, which is made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Wait for the lock, and take it.

        Raises:
            OSError: if the file cannot be opened.
        """
        self._file = open_regular(self._path, os.O_RDONLY | os.O_CREAT)
        try:
            return flocks.wait_for(self._file)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give it back; may be called again."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


class WholeLines:
    """A lock, after which the journal ends with a whole line.

    A process that is killed while it writes, and a full disk, leave the beginning of a line behind.
    The next line would be appended to it, and nobody could read the journal any more.

    Args:
        path: The journal.
        lock: Who has it writes to the journal.
    """

    def __init__(self, path: Path, lock: Lock) -> None:
        self._path, self._lock = path, lock

    def acquire(self) -> bool:
        """Wait for the lock, take it, and cut off what is no whole line.

        Raises:
            OSError: if the journal cannot be written.
        """
        is_taken = self._lock.acquire()
        try:
            cut_torn_line(self._path)
        except BaseException:
            self._lock.release()
            raise
        return is_taken

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()


def cut_torn_line(path: Path) -> None:
    """Cut off what stands behind the last end of a line.

    Raises:
        OSError: if the file cannot be written.
    """
    file = open_regular(path, os.O_RDWR)
    try:
        end = size = os.fstat(file).st_size
        while end and os.pread(file, 1, end - 1) != b"\n":
            begin = max(0, end - BLOCK)
            block = os.pread(file, end - begin, begin)
            end = begin + block.rfind(b"\n") + 1
        if end < size:
            os.ftruncate(file, end)
    finally:
        os.close(file)
