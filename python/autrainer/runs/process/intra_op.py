"""How many threads torch spreads one operation over, for work that is too small to be split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_intra_op_thread() -> Iterator[None]:
    """Within the block this thread computes every operation alone; afterwards as many as before.

    Operations on a single sample are mostly so small that threads wait for each other longer than
    they compute, on a busy machine many times longer. Entering and leaving takes about three
    microseconds.
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
