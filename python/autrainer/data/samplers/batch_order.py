"""Which samples every batch of every pass consists of; any of them can be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from autrainer.data.native.shuffle import IndexArray, shuffled
from autrainer.errors import DataError

# The first samples come at once, later ones in pieces whose memory does not matter.
FIRST_CHUNK = 1024
LAST_CHUNK = 8192


@runtime_checkable
class SampleOrder(Protocol):
    """The samples of every pass, as the samplers of `autrainer.data.sampler` give them.

    Nothing but its arguments may decide what `indices` gives: any part of any pass is asked for, by
    several threads or processes too, and again when a run is resumed.
    """

    def __len__(self) -> int:
        """Number of samples of a pass."""

    def indices(self, epoch: int, start: int, stop: int) -> IndexArray:
        """Those at some positions of a pass."""


@dataclass(frozen=True)
class WholeOrder:
    """All samples in every pass.

    Args:
        num_samples: Number of samples.
        seed: With the number of the pass, decides its order.
        shuffle: Visit the samples in the order of (seed, pass) instead of their own.
    """

    num_samples: int
    seed: int
    shuffle: bool

    def __len__(self) -> int:
        """Number of samples of a pass."""
        return self.num_samples

    def indices(self, epoch: int, start: int, stop: int) -> IndexArray:
        """Those at some positions of a pass."""
        if self.shuffle:
            return shuffled(self.num_samples, seed=self.seed, epoch=epoch, start=start, stop=stop)
        return np.arange(start, stop, dtype=np.int64)


@dataclass(frozen=True)
class CheckedOrder:
    """An order that may be of the user's own: what it gives are samples that there are.

    Args:
        order: The order.
        num_samples: Number of samples of the split.
    """

    order: SampleOrder
    num_samples: int

    def __len__(self) -> int:
        """Number of samples of a pass."""
        return len(self.order)

    def indices(self, epoch: int, start: int, stop: int) -> IndexArray:
        """Those at some positions of a pass, in memory of their own.

        Raises:
            DataError: if they are too few or too many, no integers, or not in the split.
        """
        given = np.asarray(self.order.indices(epoch, start, stop))
        name = type(self.order).__name__
        if given.shape != (stop - start,) or given.dtype.kind not in "iu":
            raise DataError(
                f"{name} was asked for {stop - start} indices (positions {start} to {stop} of "
                f"pass {epoch}) and gave {given.dtype} of shape {given.shape}"
            )
        outside = np.flatnonzero((given < 0) | (given >= self.num_samples))
        if len(outside):
            raise DataError(
                f"{name} gave index {given[outside[0]]} at position {start + outside[0]} of pass "
                f"{epoch}; there are samples 0 to {self.num_samples - 1}"
            )
        return given.astype(np.int64)


@dataclass(frozen=True)
class BatchOrder:
    """Batches of an order.

    Args:
        order: The samples.
        batch_size: Samples per batch; the last batch of a pass may have fewer.
        drop_last: Leave out a last batch that is not full.
    """

    order: SampleOrder
    batch_size: int
    drop_last: bool = False

    def __len__(self) -> int:
        """Number of batches of a whole pass."""
        full, rest = divmod(len(self.order), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def batch(self, epoch: int, number: int) -> IndexArray:
        """One batch of a pass."""
        start = number * self.batch_size
        stop = min(start + self.batch_size, len(self.order))
        return self.order.indices(epoch, start, stop)

    def batches(self, epoch: int, first: int = 0) -> Iterator[tuple[int, IndexArray]]:
        """The batches of a pass from one of them on, with their numbers."""
        size, end = self.batch_size, min(len(self.order), len(self) * self.batch_size)
        for start, stop in growing_ranges(first * size, end, size):
            chunk = self.order.indices(epoch, start, stop)
            for offset in range(0, len(chunk), size):
                # Views of the chunk, each of a part of its own.
                yield (start + offset) // size, chunk[offset : offset + size]


def growing_ranges(start: int, stop: int, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """Ranges from start to stop that grow; all but the last are multiples of `multiple` long."""
    length = FIRST_CHUNK
    while start < stop:
        end = min(stop, start + max(length // multiple, 1) * multiple)
        yield start, end
        start, length = end, min(2 * length, LAST_CHUNK)
