"""Several processes work on one study: one at a time changes it, and others see who is gone.

A process that works on a study holds the lock of a folder of its own below that of the study, for
as long as it lives. A trial is at work while the process that has asked for it lives, or somebody
holds the lock of its run folder. So no clock tells who is gone, where the system has locks that
end with their process (`runs/locking/lock.py`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import time
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path

from autrainer.callbacks.study_storage import FileLock, has_certain_locks
from autrainer.errors import RunInUseError
from autrainer.runs.locking.holders import holder_of
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.writing.files import make_folder

log = logging.getLogger(__name__)

WORKERS = ".workers"
"""Folder in that of a study, with a folder for each process that works on it."""

TURN = ".turn"
"""File in the folder of a study that is locked by the process whose turn it is."""
WAIT_S = 600.0
"""So long a process waits for its turn; whoever has it needs less than a second."""
WATCH_AFTER_S = 5.0
"""After this time an owner that cannot be seen from here is watched for a sign of life."""
NAME_WAIT_S = 30.0
"""So long a job waits for the process that it was before it was put back into the queue."""
POLL_S = 0.02


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Within the block no other process changes a study.

    Args:
        folder: Folder of the study.

    Raises:
        RunInUseError: if others have it for too long, which can be seen where the system has no
            locks that end with their process.
        OutputError, OSError: if the folder takes no lock file.
    """
    lock: FileLock | RunLock
    if has_certain_locks(folder):
        # The system lets them have their turns in the order in which they have come.
        lock = FileLock(folder / TURN)
        lock.acquire()
    else:
        lock = _taken(folder, WAIT_S)
    try:
        yield
    finally:
        lock.release()


def _taken(folder: Path, wait_s: float) -> RunLock:
    began_s = time.monotonic()
    while True:
        waited_s = time.monotonic() - began_s
        try:
            return RunLock(folder, watches=waited_s > WATCH_AFTER_S)
        except RunInUseError:
            if waited_s > wait_s:
                raise
        time.sleep(POLL_S)


class StudyWorker:
    """This process as one of those that work on a study: it is seen to live until it leaves.

    Args:
        study: Folder of the study.
        name: Its name, which a job that is put back into the queue has again; None for a new one.

    Raises:
        RunInUseError: if another process has this name.
        OutputError: if the folder takes no lock file.
    """

    def __init__(self, study: Path, name: str | None = None) -> None:
        self.name = name or f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._folder = make_folder(study / WORKERS / self.name)
        self._lock = _taken(self._folder, NAME_WAIT_S)

    def leave(self) -> None:
        """From here on it is gone; may be called again."""
        self._lock.release()
        shutil.rmtree(self._folder, ignore_errors=True)


def lives(study: Path, name: str) -> bool:
    """Whether a process that works on a study is there."""
    return holder_of(study / WORKERS / name) is not None


def forget_dead(study: Path, names: Collection[str] = ()) -> None:
    """Remove the folders of processes that are gone.

    Args:
        study: Folder of the study; nobody else changes it now.
        names: Names of those that are kept in any case.
    """
    for folder in sorted((study / WORKERS).glob("*")):
        if folder.name not in names and not lives(study, folder.name):
            shutil.rmtree(folder, ignore_errors=True)
