"""Signs of life that the processes of a run give to the one that has started them."""

from __future__ import annotations

import os
import signal
import threading

DESCRIPTOR = "AUTRAINER_SIGNS_OF_LIFE"
"""Variable of the environment with the descriptor of a pipe that signs are written to."""

EVERY_S = 1.0


def give_signs() -> None:
    """Write a byte every second, from a thread that ends with the process.

    A process that is stopped or frozen gives none. If nobody reads them any more, the process that
    has started this one is gone, and this one asks itself to stop: it keeps its state and ends.
    """
    descriptor = int(os.environ.pop(DESCRIPTOR, "-1"))
    if descriptor < 0:
        return
    os.set_blocking(descriptor, False)
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_give, args=(descriptor,), name="signs of life", daemon=True).start()


def _give(descriptor: int) -> None:
    pause = threading.Event()
    while True:
        try:
            os.write(descriptor, b".")
        except BlockingIOError:
            # Whoever reads is stopped itself.
            pass
        except OSError:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        pause.wait(EVERY_S)
