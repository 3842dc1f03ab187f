"""Work that a run leaves to a thread: writing states, outputs and tables while it trains on."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from autrainer.errors import OutputError

LIMIT = 32


class Job:
    """A call that was handed to the background."""

    def __init__(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.call: tuple[Callable[..., object], tuple[Any, ...]] | None = (function, args)
        self._ended = threading.Event()

    def wait(self) -> None:
        """Wait until the call has run, or was given up after an earlier one failed."""
        self._ended.wait()

    @property
    def ended(self) -> bool:
        """Whether nothing of the call is still to come."""
        return self._ended.is_set()

    def end(self) -> None:
        """Release the arguments, which may be large, and end `wait`."""
        self.call = None
        self._ended.set()


class Background:
    """Runs calls one after the other in a thread, in the order in which they came.

    The thread lives only while there is something to do. It is no daemon: an interpreter that exits
    waits for what was submitted. After the first error nothing more is run; what was written
    stays, and `check`, `submit` and `join` raise that error. A forked child begins with an
    empty queue of its own and never waits for its parent's.

    Args:
        limit: Calls that may wait; `submit` blocks while there are as many.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._running = False
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def submit(self, function: Callable[..., object], *args: Any) -> Job:
        """Have `function(*args)` called in the background.

        The arguments must not change afterwards: hand over copies.

        Raises:
            OutputError: if earlier work could not write a file; any other error as it was raised.
        """
        if self._pid != os.getpid():
            self._begin()
        job = Job(function, args)
        with self._changed:
            self._changed.wait_for(lambda: len(self._jobs) < self._limit or self._error)
            self.check()
            self._jobs.append(job)
            starts, self._running = not self._running, True
        if starts:
            self._start()
        return job

    def check(self) -> None:
        """Raise the first error of the background, if there was one; costs next to nothing."""
        if self._error is not None:
            raise self._error

    def fail(self, error: BaseException) -> None:
        """Run nothing any more, and have this error raised, unless there was one before."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def join(self) -> None:
        """Wait until everything has been done.

        Raises:
            OutputError: if a file could not be written; any other error as it was raised.
        """
        self._wait()
        self.check()

    def close(self) -> None:
        """Wait until everything has been done and the thread has ended; may be called again.

        Raises nothing: whoever closes after `join` has seen every error, and whoever closes because
        of an error must not lose it to another one.
        """
        self._wait()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="autrainer-background")
        try:
            self._thread.start()
        except RuntimeError:
            # The interpreter is shutting down, or the system gives no more threads.
            self._thread = None
            self._work()

    def _wait(self) -> None:
        if self._pid != os.getpid():
            self._begin()
        joined = None
        while self._thread is not joined:
            joined = self._thread
            if joined is not None:
                joined.join()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                if job.call is not None and self._error is None:
                    function, args = job.call
                    function(*args)
                    del function, args
            except BaseException as error:
                self.fail(_named(error))
            finally:
                job.end()

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.notify_all()
            if self._jobs:
                return self._jobs.popleft()
            self._running = False
            return None


class IdleBackground(Background):
    """Runs nothing: that of a process which writes no files."""

    def submit(self, function: Callable[..., object], *args: Any) -> Job:
        """A call that has ended without having been run."""
        self.check()
        job = Job(function, args)
        job.end()
        return job


def _named(error: BaseException) -> BaseException:
    """The error itself, or for one of the operating system an OutputError that names the file."""
    if not isinstance(error, OSError) or isinstance(error, OutputError):
        return error
    where = f"{error.filename}: " if error.filename else ""
    named = OutputError(f"{where}{error.strerror or error}; free space or fix the permissions")
    named.__cause__ = error
    return named
