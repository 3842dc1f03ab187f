"""What a command changes in its process, given back when it was called from Python."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGCHLD")
    if hasattr(signal, name)
)
"""Those that runs handle, and that of torch's worker processes."""


@contextmanager
def process_kept() -> Iterator[None]:
    """Environment, arguments, working directory and signal handlers are as before afterwards.

    Generators, settings of torch and its threads are given back by every run, loggers and the path
    of imports by what composes configurations.
    """
    environment, arguments, folder = dict(os.environ), sys.argv, os.getcwd()
    handlers = _handlers()
    try:
        yield
    finally:
        sys.argv = arguments
        os.chdir(folder)
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _handlers() -> dict[int, signal._HANDLER]:
    """Handlers by signal; none outside of the main thread, which alone can set them."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in SIGNALS}
    # None stands for a handler that was not set from Python.
    return {number: handler for number, handler in found.items() if handler is not None}
