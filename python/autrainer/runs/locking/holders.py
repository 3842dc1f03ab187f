"""Who works on a run folder, found by looking: nothing is locked, written or waited for."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from autrainer.runs.layout import LOCK_FILE
from autrainer.runs.locking import claims, flocks
from autrainer.runs.locking.mounts import has_locks_of_one_machine
from autrainer.runs.locking.owners import Owner
from autrainer.runs.writing.opening import open_regular


@dataclass(frozen=True)
class Holder:
    """A process that works on a run folder.

    Args:
        owner: What it says of itself; None if that cannot be read.
        is_seen: This machine sees that it is at work. Otherwise it is taken to be, as it has given
            a sign of life a short while ago.
        silent_s: Seconds since then, by the clock of this machine.
    """

    owner: Owner | None
    is_seen: bool
    silent_s: float = 0.0


def holder_of(folder: Path) -> Holder | None:
    """Who works on a run folder now, or None if nobody does.

    To decide that nobody does before something is removed is what a `RunLock` is for.
    """
    path = folder / LOCK_FILE
    try:
        file = open_regular(path)
    except OSError:
        return None
    try:
        owner = Owner.read(os.pread(file, claims.LONGEST, 0))
        if owner is not None and owner.is_alive():
            return Holder(owner, is_seen=True)
        if owner is not None and owner.is_dead():
            return None
        if has_locks_of_one_machine(folder):
            return Holder(owner, is_seen=True) if flocks.is_taken(file) else None
        silent_s = time.time() - os.fstat(file).st_mtime
    except OSError:
        return None
    finally:
        os.close(file)
    return Holder(owner, is_seen=False, silent_s=silent_s) if silent_s < claims.SILENT_S else None
