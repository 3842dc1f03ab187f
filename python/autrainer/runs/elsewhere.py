"""What other commands are doing with the runs of a sweep that this one shares with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autrainer.errors import FailedElsewhereError
from autrainer.runs.finished import is_finished
from autrainer.runs.layout import STATUS_FILE
from autrainer.runs.status import FAILED, read_status

FINISHED_ELSEWHERE = "finished elsewhere"
FAILED_ELSEWHERE = "failed elsewhere"
AT_WORK_ELSEWHERE = "at work elsewhere"

LOOK_EVERY_S = 2.0
"""How often to look whether others have finished a run, or have left it."""

MOST_TRIES = 3
"""So often a run is tried whose folder nobody seems to hold, but which is said to be in use."""


class SharedRuns:
    """Looks at the runs of a sweep that several commands work on, of one machine or of several.

    Nothing is locked or written, and no clock is compared with that of another machine: whether a
    run has failed since this command began is told by the times of two files of one file system.

    Args:
        marker: A file that this command has written when it began.
        finished: Whether a folder holds a finished run.
    """

    def __init__(self, marker: Path, finished: Callable[[Path], bool] = is_finished) -> None:
        self._since_ns = _time_of(marker)
        self._finished = finished

    def state_of(self, folder: Path) -> str | None:
        """What others have made of a run that this command has not begun, or None if it is free.

        A run that others have left, interrupted or killed, is free.
        """
        from autrainer.runs.locking.holders import holder_of

        if holder_of(folder) is not None:
            return AT_WORK_ELSEWHERE
        if self._finished(folder):
            return FINISHED_ELSEWHERE
        if self._has_failed(folder):
            return FAILED_ELSEWHERE
        return None

    def failure_of(self, folder: Path) -> FailedElsewhereError:
        """Why a run has failed elsewhere, as its folder tells."""
        status = read_status(folder)
        error = status.get("exception") or {}
        return FailedElsewhereError(
            f"process {status.get('pid')} on {status.get('host')} has tried this run: "
            f"{error.get('type')}: {error.get('message')}"
        )

    def _has_failed(self, folder: Path) -> bool:
        path = folder / STATUS_FILE
        is_later = path.is_file() and _time_of(path) > self._since_ns
        return is_later and read_status(folder).get("state") == FAILED


def _time_of(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
