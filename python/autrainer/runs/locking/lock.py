"""One process at a time works on a run folder; a process that died leaves nothing in the way."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from autrainer.errors import OutputError, RunInUseError
from autrainer.runs.layout import LOCK_FILE
from autrainer.runs.locking import claims, flocks
from autrainer.runs.locking.mounts import has_locks_of_one_machine
from autrainer.runs.locking.owners import Owner
from autrainer.runs.writing.opening import open_regular

BEAT_S = 20.0
"""How often the owner shows that it is alive, to those on other machines."""

ORPHANS_S = 10.0
"""How long to wait for the children of an owner that died; loader workers look every 5 s."""


class RunLock:
    """Held by the process that works on a run folder.

    On a file system that one machine has for itself (`runs/locking/mounts.py`) the system's own
    lock on the file decides, and nothing else: it ends with its process, however that ends,
    whatever the name of the machine or container and whatever its clock shows. It says nothing of a
    machine that reaches the same disk in another way, such as an NFS client beside its server.

    Everywhere else, and where the system has no locks, the file itself is the lock: only one
    process can create it (`runs/locking/claims.py`), and it says who that was. An owner that cannot
    be seen from here is watched for `claims.SILENT_S` at most; one that shows no sign of life
    meanwhile is dead. Where the system's lock can be had besides, who holds it is alive.

    Nothing is written through a link, and a pipe or device in the place of the file is refused.

    Args:
        folder: The run folder, which exists.
        watches: Watch an owner that cannot be seen from here; otherwise it is taken to be alive.

    Raises:
        RunInUseError: naming host and process, if another one works on the folder.
        OutputError: if the folder takes no lock file; `errno` tells why.
    """

    def __init__(self, folder: Path, *, watches: bool = True) -> None:
        self.path = folder / LOCK_FILE
        self.on_loss: Callable[[RunInUseError], None] | None = None
        self._me = Owner.this_process()
        try:
            self._file = _taken(self.path, self._me, watches)
        except OSError as error:
            raise _unlockable(self.path, error) from error
        for left in claims.leftovers(self.path):
            with contextlib.suppress(OSError):
                left.unlink()
        self._lost = False
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="autrainer-lock", daemon=True)
        self._thread.start()

    @property
    def is_held(self) -> bool:
        """Whether this process may write to the folder."""
        return not self._released.is_set() and not self._lost

    def release(self) -> None:
        """Let others work on the folder; may be called again."""
        if self._released.is_set():
            return
        self._released.set()
        self._thread.join()
        # Removed before it is unlocked: whoever waits for this file then finds it gone. Where it
        # cannot be removed it stays, and is found unlocked.
        with contextlib.suppress(OSError):
            if self._is_ours():
                self.path.unlink()
        os.close(self._file)

    def _beat(self) -> None:
        while not self._released.wait(BEAT_S):
            try:
                if not self._is_ours():
                    self._lose()
                    return
                os.utime(self._file)
            except OSError:
                # Removed by hand, or out of reach for a while: the next beat tells.
                continue

    def _is_ours(self) -> bool:
        """Whether the file that stands in the folder names this owner.

        Raises:
            OSError: if it cannot be read.
        """
        return claims.read(self.path) == self._me.to_bytes()

    def _lose(self) -> None:
        """Another process took the folder: this one had not shown itself for too long."""
        self._lost = True
        other = Owner.read(claims.read(self.path))
        message = (
            f"{self.path.parent} was taken over by {claims.described(other)} while this process "
            f"was not heard of for {claims.SILENT_S:.0f} s (suspended, or without its file "
            "system), or after its lock was removed by hand; this process ends here"
        )
        if self.on_loss is not None:
            self.on_loss(RunInUseError(message))


def _taken(path: Path, me: Owner, watches: bool) -> int:
    """The lock file, open, in its place, and with our name in it."""
    if has_locks_of_one_machine(path.parent) and flocks.are_there(path.parent):
        return _locked(path, me)
    while True:
        _refuse_locked(path)
        claims.claim(path, me, watches=watches)
        with contextlib.suppress(FileNotFoundError):
            file = open_regular(path, os.O_RDWR)
            # Only those who look in `_refuse_locked` can be in the way, for a moment.
            flocks.take(file, until=time.monotonic() + 1.0)
            return file


def _locked(path: Path, me: Owner) -> int:
    """The lock file, by the lock of the system alone."""
    while True:
        file, is_writable = _opened(path)
        try:
            _wait_for(functools.partial(flocks.take, file, until=0.0), file, path)
            if _is_at(file, path):
                if is_writable and os.fstat(file).st_nlink == 1:
                    _replace_content(file, me)
                    return file
                # Somebody else's file, or one that has another name too: not to be written to.
                path.unlink()
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _opened(path: Path) -> tuple[int, bool]:
    """The lock file, which is made if it is not there, and whether it can be written to."""
    try:
        return open_regular(path, os.O_RDWR | os.O_CREAT), True
    except PermissionError as error:
        # One that a member of the group left behind can be locked, and replaced.
        try:
            return open_regular(path), False
        except OSError:
            raise error from None


def _refuse_locked(path: Path) -> None:
    """Refuse a folder whose lock file is locked by the system, where it can be seen from here."""
    try:
        file = open_regular(path)
    except FileNotFoundError:
        return
    try:
        _wait_for(lambda: not flocks.is_taken(file), file, path)
    finally:
        os.close(file)


def _wait_for(is_free: Callable[[], bool], file: int, path: Path) -> None:
    """Wait as long as only the children of a dead owner are in the way.

    Raises:
        RunInUseError: if anybody else is.
    """
    give_up = time.monotonic() + ORPHANS_S
    while not is_free():
        owner = Owner.read(os.pread(file, claims.LONGEST, 0))
        # Forked children of an owner that died share its lock, and notice a little later.
        if owner is None or not owner.is_dead() or time.monotonic() > give_up:
            raise claims.in_use(path, owner)
        time.sleep(flocks.POLL_S)


def _is_at(file: int, path: Path) -> bool:
    try:
        found, own = os.lstat(path), os.fstat(file)
    except FileNotFoundError:
        return False
    return (found.st_ino, found.st_dev) == (own.st_ino, own.st_dev)


def _replace_content(file: int, owner: Owner) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, owner.to_bytes(), 0)


def _unlockable(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    told = OutputError(
        f"{path.parent} cannot be worked on: its lock {path} cannot be written: {reason}; "
        "make the folder writable, or choose another one with results_dir"
    )
    told.errno = error.errno
    return told
