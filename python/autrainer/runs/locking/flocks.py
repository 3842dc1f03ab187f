"""The locks that the system itself keeps on files; they end with the process that holds them."""

from __future__ import annotations

import os
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

POLL_S = 0.1


def are_there(folder: Path) -> bool:
    """Whether the system locks files here at all, tried on the folder itself."""
    if fcntl is None:
        return False
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(opened)
    return True


def take(file: int, *, until: float) -> bool:
    """Lock a file for this process alone.

    Args:
        file: Its descriptor.
        until: Try until `time.monotonic` shows this, and at least once.

    Returns:
        False if others hold the lock, or there are none here.
    """
    while fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(POLL_S)
        except OSError:
            return False
    return False


def wait_for(file: int) -> bool:
    """Lock a file for this process alone, waiting for those who have it.

    Args:
        file: Its descriptor.

    Returns:
        False if there are no locks here.
    """
    return fcntl is not None and _locked(file, fcntl.LOCK_EX)


def share(file: int) -> bool:
    """Lock a file together with others who share it, waiting for one who has it alone.

    Args:
        file: Its descriptor.

    Returns:
        False if there are no locks here.
    """
    return fcntl is not None and _locked(file, fcntl.LOCK_SH)


def _locked(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind)
    except OSError:
        return False
    return True


def is_taken(file: int) -> bool:
    """Whether another process has a file locked for itself; those who only look do not count."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
