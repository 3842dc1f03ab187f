"""Which run folders hold a finished run, and what a killed process may have left in them."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from autrainer.errors import CorruptFileError, RunInUseError
from autrainer.runs.layout import LOCK_FILE, RESUME, STATUS_FILE, TABLE
from autrainer.runs.status import FAILED, INTERRUPTED, RUNNING, read_status
from autrainer.runs.writing.opening import reading


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a run to which nothing is left to do.

    After its table of metrics is there, a run still tells its listeners, which may upload files or
    remove the run that it went on from. Only `status.yaml` knows that this is over; a folder that
    has none (of an earlier version) is told by the table alone.
    """
    if not (folder / TABLE).is_file():
        return False
    return read_status(folder).get("state") not in (RUNNING, FAILED, INTERRUPTED)


def table_checksum(folder: Path) -> str:
    """Checksum of the table of metrics of a run folder."""
    import hashlib

    with reading(folder / TABLE) as file:
        return hashlib.blake2b(file.read(), digest_size=16).hexdigest()


def check_table(folder: Path) -> None:
    """Look whether the table of metrics of a finished run is what was written.

    Raises:
        CorruptFileError: if `status.yaml` tells of another one.
    """
    expected = read_status(folder).get("table_checksum")
    if expected is not None and expected != table_checksum(folder):
        raise CorruptFileError(
            f"{folder / TABLE}: expected content that fits its checksum in {STATUS_FILE}, found "
            "other; the file was damaged or edited"
        )


def tidy_up(folder: Path) -> None:
    """Remove what a finished run no longer needs, if it was killed before it could do so."""
    states = folder / RESUME
    if not states.is_dir() and not (folder / LOCK_FILE).is_file():
        return
    from autrainer.runs.locking import lock

    # Whoever works on the folder tidies up by itself; one that cannot be written stays as it is.
    with contextlib.suppress(RunInUseError, OSError):
        held = lock.RunLock(folder, watches=False)
        try:
            shutil.rmtree(states, ignore_errors=True)
        finally:
            held.release()
