"""Runs that have trained and are not on disk yet: the next run of a sweep begins all the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

Report = Callable[["BaseException | None"], object]


class EndingRuns:
    """Ends one run at a time, in a thread beside the next one.

    The thread is no daemon: an interpreter that exits waits for it.
    """

    def __init__(self) -> None:
        self._errors: dict[Path, BaseException] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ending: dict[Path, Report | None] = {}

    def submit(self, folder: Path, end: Callable[[], object]) -> None:
        """End a run, as soon as the one before has ended; returns when this one has begun to.

        Args:
            folder: The run folder.
            end: Writes what is left of it; it must not hold what takes much memory.
        """
        self.settle()
        with self._lock:
            self._ending[folder.absolute()] = None
            # Of an attempt before this one.
            self._errors.pop(folder.absolute(), None)
        thread = threading.Thread(target=self._end, args=(folder, end), name="autrainer-ending")
        try:
            thread.start()
        except RuntimeError:
            # The system gives no more threads.
            self._end(folder, end)
        else:
            self._thread = thread

    def settle(self, timeout_s: float | None = None) -> None:
        """Wait until every run has ended, or so long."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def is_ending(self, folder: Path) -> bool:
        """Whether a run has trained and is not on disk yet."""
        with self._lock:
            return folder.absolute() in self._ending

    def when_ended(self, folder: Path, report: Report) -> None:
        """Call a function when a run is on disk; at once, here, if it is by now.

        Args:
            folder: The run folder.
            report: Gets why it could not be ended, or None; called by the thread that ends it.
        """
        with self._lock:
            is_ending = folder.absolute() in self._ending
            if is_ending:
                self._ending[folder.absolute()] = report
        if not is_ending:
            report(self.error_of(folder))

    def error_of(self, folder: Path) -> BaseException | None:
        """Why a run could not be ended; None if it could, or still can."""
        return self._errors.get(folder.absolute())

    def _end(self, folder: Path, end: Callable[[], object]) -> None:
        place = folder.absolute()
        try:
            end()
        except BaseException as error:
            self._errors[place] = error
        with self._lock:
            report = self._ending.pop(place, None)
        if report is not None:
            report(self.error_of(place))


_current: ContextVar[EndingRuns | None] = ContextVar("autrainer_ending_runs", default=None)


@contextmanager
def runs_may_end_later() -> Iterator[EndingRuns]:
    """Within the block a run may end beside the next one; when it is left, all have ended."""
    ending = EndingRuns()
    token = _current.set(ending)
    try:
        yield ending
    finally:
        _current.reset(token)
        ending.settle()


def ending_runs() -> EndingRuns | None:
    """What ends runs here beside the next one; None where each ends before the next begins."""
    return _current.get()


def settle_runs(timeout_s: float | None = None) -> None:
    """Wait until every run that has trained here is on disk, or so long."""
    ending = _current.get()
    if ending is not None:
        ending.settle(timeout_s)
