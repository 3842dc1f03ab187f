"""A lock that is the file itself: created by one process, and inherited by one only.

For file systems without locks of their own, or with locks that hold within one machine. A claim is
a file with the name of its owner that appears with its content or not at all, by a link, which the
system makes for one of several processes only.

An owner that is gone is succeeded, not removed: whoever would remove a file that it has judged dead
may remove the one that a faster process has put there. The right to succeed an owner is a claim of
its own, named after the token of that owner, so it exists once. Who has it looks again whether the
lock is still that of the dead owner, and only then puts its own name there. No clock is compared
with that of another machine: an owner is dead if nothing changes while it is watched.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from pathlib import Path

from autrainer.errors import RunInUseError
from autrainer.runs.locking.owners import Owner, token_of
from autrainer.runs.writing.opening import open_regular

log = logging.getLogger(__name__)

SILENT_S = 120.0
"""An owner that shows no sign of life for as long is dead; no process waits longer for one."""

POLL_S = 1.0
"""How often to look for a sign of life."""

LONGEST = 4096
"""More of a lock file is not looked at."""

_NO_LINKS = (
    *(errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS),
    *(errno.EMLINK, errno.EINVAL, errno.EACCES),
)
"""What systems say that have no links between files."""


def claim(path: Path, me: Owner, *, watches: bool = True) -> None:
    """Put our name into the lock file.

    Args:
        path: The lock file.
        me: This process.
        watches: Watch an owner that cannot be seen from here; otherwise it is taken to be alive.

    Raises:
        RunInUseError: if its owner lives.
        OSError: if the folder takes no files.
    """
    while True:
        try:
            if _claimed(path, me, watches):
                return
        except FileNotFoundError:
            # Somebody released the lock, or took it over, while it was looked at.
            if not path.parent.is_dir():
                raise


def _claimed(path: Path, me: Owner, watches: bool) -> bool:
    found = _created(path, me)
    if found is None:
        return True
    first, claimed, rights = found, path, []
    while found is not None:
        _refuse_living(claimed, found, me, watches)
        claimed = path.with_name(f"{path.name}-after-{token_of(found)}")
        found = _created(claimed, me)
        rights.append(claimed)
    # Whoever was faster has changed the lock before giving up this right.
    is_first = read(path) == first
    if is_first:
        _replace(path, me)
    for right in rights if is_first else [claimed]:
        right.unlink(missing_ok=True)
    return is_first


def leftovers(path: Path) -> list[Path]:
    """Files that processes have left beside a lock file that were killed while they claimed it.

    For who has just become the owner: what others are about to claim, they find to be gone.
    """
    return sorted(path.parent.glob(f"{path.name}-*"))


def read(path: Path) -> bytes:
    """Content of a lock file.

    Raises:
        OSError: if it is not there, or no file.
    """
    file = open_regular(path)
    try:
        return os.pread(file, LONGEST, 0)
    finally:
        os.close(file)


def in_use(path: Path, owner: Owner | None) -> RunInUseError:
    """The error that a folder is being worked on."""
    return RunInUseError(
        f"{path.parent} is being worked on by {described(owner)}; wait for it or stop it"
    )


def described(owner: Owner | None) -> str:
    """An owner in words."""
    if owner is None:
        return "another process"
    return f"process {owner.pid} on {owner.host} (since {owner.since})"


def _created(path: Path, me: Owner) -> bytes | None:
    """Create a claim; None if that worked, else the content of the one that is there."""
    written = path.with_name(f"{path.name}-{me.token}.tmp")
    _write_new(written, me)
    try:
        os.link(written, path)
    except FileExistsError:
        # Over a network the answer to a link that was made may be lost, and asked for again.
        if os.stat(written).st_nlink != 2:
            return read(path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _created_empty(path, me)
    finally:
        written.unlink(missing_ok=True)
    return None


def _created_empty(path: Path, me: Owner) -> bytes | None:
    """As `_created` where there are no links: for a moment the claim has no name in it."""
    try:
        _write_new(path, me)
    except FileExistsError:
        return read(path)
    return None


def _write_new(path: Path, me: Owner) -> None:
    file = open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        os.write(file, me.to_bytes())
        os.fsync(file)
    finally:
        os.close(file)


def _replace(path: Path, me: Owner) -> None:
    written = path.with_name(f"{path.name}-{me.token}.tmp")
    _write_new(written, me)
    written.replace(path)


def _refuse_living(path: Path, content: bytes, me: Owner, watches: bool) -> None:
    """Return once the owner of a claim is known to be gone.

    Raises:
        RunInUseError: if it lives, or is not watched and may live.
        FileNotFoundError: if the claim is given up meanwhile.
    """
    owner = Owner.read(content)
    if owner is not None and (owner.is_dead() or owner.was_requeued_as(me)):
        return
    if not watches or (owner is not None and owner.is_alive()):
        raise in_use(path, owner)
    log.warning(
        "%s was last worked on by %s, which cannot be seen from here; waiting up to %.0f s for a "
        "sign of life",
        path.parent,
        described(owner),
        SILENT_S,
    )
    seen, give_up = _state(path), time.monotonic() + SILENT_S
    while time.monotonic() < give_up:
        time.sleep(min(POLL_S, SILENT_S))
        if _state(path) != seen or seen[1] != content:
            raise in_use(path, Owner.read(read(path)))


def _state(path: Path) -> tuple[int, bytes]:
    """What changes with every sign of life. Opened anew, since what is open may be remembered."""
    file = open_regular(path)
    try:
        return os.fstat(file).st_mtime_ns, os.pread(file, LONGEST, 0)
    finally:
        os.close(file)
