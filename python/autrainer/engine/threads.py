"""How many threads torch spreads one operation over, chosen by the size of the work.

Splitting a small operation costs more than it saves, and far more when another process holds a
core. The choice depends on the model and the batch size alone, never on the machine or its load,
so the numbers of a small model do not depend on how many cores computed them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from autrainer.runs.process.intra_op import one_intra_op_thread

log = logging.getLogger(__name__)

SMALL_BATCH_MULT_ADDS = 100_000_000
"""Forward work of a batch, about 5 ms of one core, below which one thread does it."""

CHOSEN_BY_THE_USER = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def intra_op_threads(
    mult_adds: int | None, batch_size: int, device: torch.device
) -> Iterator[None]:
    """Within the block a small model on the CPU is computed by one thread.

    Args:
        mult_adds: Multiplications and additions of a forward pass of one sample; None if unknown.
        batch_size: Samples of a training batch.
        device: Where the model is.
    """
    is_small = mult_adds is not None and mult_adds * batch_size < SMALL_BATCH_MULT_ADDS
    is_chosen = any(name in os.environ for name in CHOSEN_BY_THE_USER)
    if device.type != "cpu" or not is_small or is_chosen:
        yield
        return
    log.debug("One intra-op thread: %s mult-adds x %d samples is small", mult_adds, batch_size)
    with one_intra_op_thread():
        yield
