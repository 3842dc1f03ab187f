"""Being asked to stop: by Ctrl-C, by a scheduler that ends a job or warns of it, by the clock."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from autrainer.errors import RunInterruptedError
from autrainer.runs.process.forking import default_when_forked
from autrainer.runs.process.time_limit import TIME_LIMIT, TimeLimit

Handler = Callable[[int, FrameType | None], Any]


def _existing(*names: str) -> tuple[signal.Signals, ...]:
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


STOPS = _existing("SIGINT", "SIGTERM", "SIGHUP")
SAVES = _existing("SIGUSR1")

SAME_REQUEST_S = 0.5
"""`timeout` and batch systems signal a process and then its group: that is one request."""


def stop_of(number: int) -> signal.Signals | TimeLimit:
    """What has stopped a run, by its number."""
    return TIME_LIMIT if number == TIME_LIMIT else signal.Signals(number)


class Requests:
    """What signals have asked for since somebody last looked, and the clock.

    Args:
        same_request_s: A signal that comes so soon after the first one does not ask again.
        deadline_s: When to stop anyway, a time of `time.monotonic`; None for never.

    Attributes:
        stop: The signal that asked to stop, `TIME_LIMIT`, or None.
        save: Whether a signal has asked to save the state and go on.
    """

    def __init__(
        self, same_request_s: float = SAME_REQUEST_S, deadline_s: float | None = None
    ) -> None:
        self.stop: signal.Signals | TimeLimit | None = None
        self.save = False
        self._same_request_s = same_request_s
        self._deadline_s = deadline_s
        self._asked_s = 0.0
        self._is_ending = False

    @property
    def any(self) -> bool:
        """Whether there is anything to do; looked at after every step."""
        return self.save or self.stop is not None or self._is_out_of_time()

    def _is_out_of_time(self) -> bool:
        if self._deadline_s is None or time.monotonic() < self._deadline_s:
            return False
        self.stop = TIME_LIMIT
        return True

    def on_stop(self, number: int, frame: FrameType | None) -> None:
        """Ask to stop; asked a second time, leave at once.

        Raises:
            RunInterruptedError: the second time, unless the run is just ending.
        """
        # Whoever ends a job at its limit does not ask a second time.
        if self.stop is None or self.stop is TIME_LIMIT:
            self.stop = signal.Signals(number)
            self._asked_s = time.monotonic()
            _acknowledge(number)
        elif not self._is_ending and time.monotonic() - self._asked_s >= self._same_request_s:
            raise RunInterruptedError(signal.Signals(number), saved=False)

    def take(self, number: int) -> None:
        """Take over what another process of the run has been asked; 0 asks for nothing."""
        if number and self.stop is None:
            self.stop = stop_of(number)
            self._asked_s = time.monotonic()

    def on_save(self, number: int, frame: FrameType | None) -> None:
        """Ask to save."""
        self.save = True

    @contextmanager
    def prevailing(self) -> Iterator[None]:
        """Within the block an error that follows a request to stop is that request.

        What dies first when a job is ended may be a worker, a connection, a file system.

        Raises:
            RunInterruptedError: instead of the error, which is its cause.
        """
        try:
            yield
        except RunInterruptedError:
            raise
        except BaseException as error:
            if self.stop is None:
                raise
            raise RunInterruptedError(self.stop, saved=False) from error

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Within the block no signal raises anything: what is written here is written."""
        self._is_ending = True
        # Torch's handler raises an error for a worker that has died, wherever it is called.
        children = _existing("SIGCHLD")
        try:
            with _handled(dict.fromkeys(children, _nothing)):
                yield
        finally:
            self._is_ending = False


@contextmanager
def requests_handled(
    same_request_s: float = SAME_REQUEST_S, deadline_s: float | None = None
) -> Iterator[Requests]:
    """Within the block signals ask instead of ending the process.

    Only the main thread can catch signals; elsewhere nothing is ever asked. A signal that this
    process ignores, as under `nohup`, stays ignored.

    Args:
        same_request_s: A signal that comes so soon after the first one does not ask again.
        deadline_s: When to stop anyway, a time of `time.monotonic`; None for never.
    """
    requests = Requests(same_request_s, deadline_s)
    handlers: dict[signal.Signals, Handler] = {
        number: requests.on_stop
        for number in STOPS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    handlers |= dict.fromkeys(SAVES, requests.on_save)
    with _handled(handlers):
        yield requests


@contextmanager
def save_signals_ignored() -> Iterator[None]:
    """Within the block a scheduler's warning does not end the process, as it would by default.

    A run that trains heeds it. Before and between runs there is nothing to save.
    """
    with _handled(dict.fromkeys(SAVES, _nothing)):
        yield


@contextmanager
def stops_deferred() -> Iterator[None]:
    """Within the block requests to stop wait, for what must not be left half done.

    They are not lost: they come when the block has ended. Threads and processes that are started
    here let them wait for ever, or until they have said what a request means to them.
    """
    held = _Held()
    heard = [number for number in STOPS if callable(signal.getsignal(number))]
    try:
        with _handled(dict.fromkeys(heard, held.on_stop)), _blocked():
            yield
    finally:
        for number in held.numbers:
            signal.raise_signal(number)


class _Held:
    """Requests that wait. Blocking them is not enough: any thread can be told of them."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def on_stop(self, number: int, frame: FrameType | None) -> None:
        self.numbers.append(number)


@contextmanager
def _blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Within the block these handlers stand, unless this is not the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None stands for a handler that was not set from Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _acknowledge(number: int) -> None:
    """Print that the signal has arrived: until the step has ended may take a while."""
    # Not by `sys.stderr`, which may just be writing.
    with suppress(OSError):
        if number == signal.SIGINT and os.isatty(2):
            os.write(2, b"\nStopping after this step; Ctrl-C once more leaves at once\n")


def _nothing(number: int, frame: FrameType | None) -> None:
    """Let a signal pass."""


def _is_ours(handler: object) -> bool:
    return isinstance(getattr(handler, "__self__", None), Requests | _Held)


default_when_forked((*STOPS, *SAVES), _is_ours)
