"""Results made before they are needed, by threads, in order."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import torch

from autrainer.errors import DataError
from autrainer.runs.process.signals import stops_deferred

T = TypeVar("T")

JOIN_TIMEOUT_S = 5
"""How long to wait for each thread to finish its current call once the iterator is closed."""


def prefetch(
    make: Callable[[int], T],
    start: int,
    stop: int,
    *,
    num_threads: int,
    depth: int,
    timeout_s: float = 0,
    name: str = "loader",
) -> Iterator[T]:
    """What a function gives for the numbers from start to stop, in this order.

    Threads call it for the numbers that come next, and sleep once `depth` of them are under way
    or ready. They start with the first `next()` and have ended when the iterator is exhausted,
    closed or dropped. An error is raised where its number is due. In a process that was forked
    meanwhile, threads of its own go on from the same number.

    Args:
        make: Called once for each number, by one of the threads.
        start: The first number.
        stop: The number after the last one.
        num_threads: How many threads; none is started that would find nothing to do.
        depth: How many numbers may be under way or ready, at least 1.
        timeout_s: How long to wait for one of them; 0 waits for ever.
        name: Who does it, for errors and the names of the threads.

    Raises:
        DataError: if one of them takes longer than the timeout.
    """
    work = _Work(make, start, stop, depth)
    try:
        # Within: an interrupt may come between the start of two threads.
        work.begin(num_threads, name)
        for number in range(start, stop):
            if work.pid != os.getpid():
                work = _Work(make, number, stop, depth)
                work.begin(num_threads, name)
            yield work.result(number, timeout_s, name)
    finally:
        work.end()


def timeout_error(name: str, timeout_s: float) -> DataError:
    """The error for a batch that does not come."""
    return DataError(
        f"the {name} waited {timeout_s:g} s for a batch in vain; look at what reads the data, or "
        "raise the option timeout (0 waits for ever)"
    )


class _Work(Generic[T]):
    """What the threads and the consumer share; guarded by one lock."""

    def __init__(self, make: Callable[[int], T], start: int, stop: int, depth: int) -> None:
        self.pid = os.getpid()
        self._make = make
        self._next = self._wanted = start
        self._stop = stop
        self._depth = depth
        self._results: dict[int, tuple[T | None, BaseException | None]] = {}
        lock = threading.Lock()
        self._ready, self._room = threading.Condition(lock), threading.Condition(lock)
        self._threads: list[threading.Thread] = []

    def begin(self, num_threads: int, name: str) -> None:
        """Start the threads."""
        # Daemons: an interpreter that ends in the middle of a pass does not wait for ever. Ended
        # before it is torn down all the same, because they call into torch.
        atexit.register(self.end)
        # A thread that is interrupted while it starts can be neither joined nor forgotten.
        with stops_deferred():
            for number in range(min(num_threads, self._depth, self._stop - self._next)):
                thread = threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def end(self) -> None:
        """Let the threads finish what they are at, and end them."""
        atexit.unregister(self.end)
        if self.pid != os.getpid():
            # The threads stayed with the parent, and the lock may be theirs for ever.
            return
        with self._room:
            self._stop = self._next
            self._room.notify_all()
        for thread in self._threads:
            # Garbage may be collected by any thread, one of these too.
            if thread.is_alive() and thread is not threading.current_thread():
                # One that hangs is left behind, so that the process can end after a timeout.
                thread.join(JOIN_TIMEOUT_S)
        self._results.clear()

    def result(self, number: int, timeout_s: float, name: str) -> T:
        """What came out for a number, once."""
        with self._ready:
            is_there = self._ready.wait_for(lambda: number in self._results, timeout_s or None)
            if not is_there:
                raise timeout_error(name, timeout_s)
            value, error = self._results.pop(number)
            self._wanted = number + 1
            self._room.notify()
        if error is not None:
            raise error
        return value  # type: ignore[return-value]  # None is what was made

    def _run(self) -> None:
        # Of this thread alone: the threads together are the parallelism.
        torch.set_num_threads(1)
        while (number := self._take()) is not None:
            value: Any = None
            failure: BaseException | None = None
            try:
                value = self._make(number)
            except BaseException as error:
                failure = error
            with self._ready:
                if failure is not None:
                    self._stop = min(self._stop, number)
                self._results[number] = (value, failure)
                self._ready.notify()
            # Else kept until the next one is done.
            del value, failure

    def _take(self) -> int | None:
        with self._room:
            while self._next < self._stop and self._next >= self._wanted + self._depth:
                self._room.wait()
            if self._next >= self._stop:
                # Whoever sleeps here has nothing left to do either.
                self._room.notify_all()
                return None
            number = self._next
            self._next += 1
            return number
