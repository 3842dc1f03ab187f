"""Being asked to stop: by Ctrl-C, by a scheduler that ends a job, by one that warns of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from autrainer.errors import RunInterruptedError

STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM") if hasattr(signal, name))
SAVES = tuple(getattr(signal, name) for name in ("SIGUSR1",) if hasattr(signal, name))


class Requests:
    """What signals have asked for since somebody last looked.

    Attributes:
        stop: The signal that asked to stop, or None.
        save: Whether a signal has asked to save the state and go on.
    """

    def __init__(self) -> None:
        self.stop: signal.Signals | None = None
        self.save = False

    @property
    def any(self) -> bool:
        """Whether there is anything to do; looked at after every step."""
        return self.save or self.stop is not None

    def on_stop(self, number: int, frame: FrameType | None) -> None:
        """Ask to stop; asked a second time, leave at once."""
        if self.stop is not None:
            raise RunInterruptedError(signal.Signals(number), saved=False)
        self.stop = signal.Signals(number)

    def on_save(self, number: int, frame: FrameType | None) -> None:
        """Ask to save."""
        self.save = True


@contextmanager
def heeded() -> Iterator[Requests]:
    """Within the block signals ask instead of ending the process.

    Only the main thread can catch signals; elsewhere nothing is ever asked.
    """
    requests = Requests()
    if threading.current_thread() is not threading.main_thread():
        yield requests
        return
    handlers = dict.fromkeys(STOPS, requests.on_stop)
    handlers |= dict.fromkeys(SAVES, requests.on_save)
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            # None stands for a handler that was not set from Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def warnings_survived() -> Iterator[None]:
    """Within the block a scheduler's warning does not end the process, as it would by default.

    A run that trains heeds it. Before and between runs there is nothing to save.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in SAVES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
