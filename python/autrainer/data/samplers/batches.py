"""Batches of indices, for a torch `DataLoader`."""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils.data import Sampler

from autrainer.data.native.shuffle import IndexArray
from autrainer.data.samplers.batch_order import BatchOrder, SampleOrder
from autrainer.data.samplers.epoch import EpochSampler
from autrainer.errors import DataError


class EpochBatchSampler(Sampler[list[int]]):
    """Batches of indices of one pass after the other, as `batch_sampler` of a torch `DataLoader`.

    Args:
        num_samples: Number of samples, all of which come in every pass; None if `order` is given.
        batch_size: Indices per batch; the last batch of a pass may have fewer.
        seed: With the epoch, decides the order.
        shuffle: Visit the samples in the order of (seed, epoch) instead of their own.
        drop_last: Leave out a last batch that is not full.
        order: What comes in every pass instead, with a seed of its own: one of our samplers.

    Raises:
        DataError: if there are no samples, or another argument is out of its range.
    """

    def __init__(
        self,
        num_samples: int | None,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        order: SampleOrder | None = None,
    ) -> None:
        if batch_size < 1:
            raise DataError(f"batch_size is {batch_size}; use at least 1")
        if (num_samples is None) is (order is None):
            raise DataError("give either num_samples or order, and None for the other")
        if order is None:
            assert num_samples is not None
            order = EpochSampler(num_samples, seed=seed, shuffle=shuffle)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.epoch = 0
        self._order = BatchOrder(order, batch_size, drop_last)
        self._first_batch = 0

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be that of an epoch."""
        self.epoch = epoch

    def start_at(self, batch: int) -> None:
        """Let the next pass, and only that one, begin with one of its later batches.

        Raises:
            DataError: if a pass has fewer batches.
        """
        if not 0 <= batch <= len(self):
            raise DataError(f"batch is {batch}; a pass has {len(self)} batches, numbered from 0")
        self._first_batch = batch

    def __len__(self) -> int:
        """Number of batches of a whole pass."""
        return len(self._order)

    def __iter__(self) -> Iterator[list[int]]:
        """Batches of the pass `epoch`, as lists."""
        return (batch.tolist() for batch in self.batches())

    def batches(self) -> Iterator[IndexArray]:
        """Batches of the pass `epoch`, as int64 arrays."""
        first, self._first_batch = self._first_batch, 0
        return (batch for _, batch in self._order.batches(self.epoch, first))
