"""Batches of samples of similar lengths, so that little has to be filled up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autrainer.data.native.shuffle import IndexArray, shuffled
from autrainer.data.samplers.base import joined_indices
from autrainer.data.samplers.batch_order import SampleOrder
from autrainer.runs.random.seeds import derived_seed

BUCKET_BATCHES = 64
"""Batches among which samples are exchanged."""


@dataclass
class BucketOrder:
    """An order whose samples change places within blocks of some batches.

    A block has the samples that it has without buckets, sorted by length: each batch gets
    neighbours, and the batches of a block come in an order of (seed, pass, block). So a pass has
    the same samples, a last batch that is not full too, and any part of it is computed from
    (pass, position) alone.

    Args:
        order: The samples of every pass.
        lengths: Length of each sample of the split, int64, shape (N,).
        batch_size: Samples of a batch.
        num_batches: Batches of a block.
        seed: With the number of the pass, decides the order of batches.
        shuffle: Whether batches come in that order; otherwise from the shortest to the longest.
    """

    order: SampleOrder
    lengths: IndexArray
    batch_size: int
    num_batches: int
    seed: int
    shuffle: bool

    def __post_init__(self) -> None:
        # The last block that was asked for: a batch is rarely far from the one before.
        self._last: tuple[tuple[int, int], IndexArray] | None = None

    def __len__(self) -> int:
        """Number of samples of a pass."""
        return len(self.order)

    def indices(self, epoch: int, start: int, stop: int) -> IndexArray:
        """Those at some positions of a pass, in memory of their own."""
        size = self.batch_size * self.num_batches
        num_full = len(self) // self.batch_size * self.batch_size
        parts = []
        while start < min(stop, num_full):
            number = start // size
            begin = number * size
            last = min(stop, begin + size, num_full)
            block = self._block(epoch, number, begin, min(begin + size, num_full))
            parts.append(block[start - begin : last - begin])
            start = last
        if start < stop:
            parts.append(self.order.indices(epoch, start, stop))
        return np.array(joined_indices(parts))

    def _block(self, epoch: int, number: int, begin: int, end: int) -> IndexArray:
        kept = self._last
        if kept is not None and kept[0] == (epoch, number):
            return kept[1]
        block = self._sorted(self.order.indices(epoch, begin, end), epoch, number)
        self._last = (epoch, number), block
        return block

    def _sorted(self, indices: IndexArray, epoch: int, number: int) -> IndexArray:
        ascending = indices[self.lengths[indices].argsort(kind="stable")]
        batches = ascending.reshape(-1, self.batch_size)
        if self.shuffle:
            seed = derived_seed("bucket", self.seed, number)
            batches = batches[shuffled(len(batches), seed=seed, epoch=epoch)]
        return batches.reshape(-1)
