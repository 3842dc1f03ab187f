"""A worker of a pool as a task of Ray: what it hears and says goes through the mailbox."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from typing import Any

from autrainer.launching.messages import Printed, Setup

WAIT_S = 2.0
"""How long a question to the mailbox waits for an answer."""


def serve(mailbox: Any, number: int, setup: Setup, folder: str) -> None:
    """Serve the pool until it says that there is nothing more to do, or is gone.

    Args:
        mailbox: The actor between both.
        number: Number of this worker.
        setup: What both have in common.
        folder: Working directory of the command.
    """
    from autrainer.launching.worker import Worker

    ours, theirs = Pipe()
    threads = [
        threading.Thread(target=each, args=(mailbox, number, theirs), daemon=True)
        for each in (_hand_in, _hand_out)
    ]
    with _surroundings(setup, folder):
        for thread in threads:
            thread.start()
        worker = Worker(ours, setup)
        with _printed(worker.send):
            try:
                worker.serve()
            finally:
                ours.close()
                threads[1].join()


def _hand_in(mailbox: Any, number: int, connection: Connection) -> None:
    """Hand messages of the pool to the worker; in a thread of its own."""
    import ray

    with contextlib.suppress(OSError, ray.exceptions.RayError):
        while not connection.closed:
            message = ray.get(mailbox.next.remote(number, WAIT_S))
            if message is not None:
                connection.send_bytes(message)
    # The worker takes this for the end of the pool, if it still listens.
    with contextlib.suppress(OSError):
        connection.close()


def _hand_out(mailbox: Any, number: int, connection: Connection) -> None:
    """Hand messages of the worker to the pool; in a thread of its own."""
    import ray

    with contextlib.suppress(EOFError, OSError, ray.exceptions.RayError):
        while True:
            ray.get(mailbox.post.remote(number, connection.recv_bytes()))
    with contextlib.suppress(OSError):
        connection.close()


@contextlib.contextmanager
def _surroundings(setup: Setup, folder: str) -> Iterator[None]:
    """Within the block modules and paths are those of the command: Ray uses the process again."""
    from autrainer.runs.process.signals import SAVES, STOPS

    path, arguments, before = [*sys.path], sys.argv, os.getcwd()
    handlers = {number: signal.getsignal(number) for number in (*STOPS, *SAVES)}
    sys.path[:] = [*setup.path, *(each for each in path if each not in setup.path)]
    sys.argv = setup.arguments
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("MPLBACKEND", "Agg")
    os.chdir(folder)
    try:
        yield
    finally:
        sys.path[:], sys.argv = path, arguments
        os.chdir(before)
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextlib.contextmanager
def _printed(send: Any) -> Iterator[None]:
    """Within the block what is printed is shown by the pool, beside the name of its run."""
    with (
        contextlib.redirect_stdout(_Lines(send, 1)),
        contextlib.redirect_stderr(_Lines(send, 2)),
    ):
        yield


class _Lines(io.TextIOBase):
    """A stream that sends whole lines."""

    def __init__(self, send: Any, stream: int) -> None:
        self._send, self._stream, self._rest = send, stream, ""

    def write(self, text: str) -> int:
        """Send the lines that are complete."""
        *lines, self._rest = (self._rest + text).split("\n")
        if lines:
            self._send(Printed(lines, self._stream))
        return len(text)

    def writable(self) -> bool:
        """It is."""
        return True


def packed(message: object) -> bytes:
    """A message as it travels."""
    return pickle.dumps(message)
