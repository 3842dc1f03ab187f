"""Which samples every batch of every pass consists of; any of them can be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from autrainer.data.native.shuffle import IndexArray, shuffled
from autrainer.errors import DataError
from autrainer.runs.process.run_process import ONLY_PROCESS, RunProcess

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
    """Batches of an order, or what one of several processes has of each.

    The batches are those of the run, whatever the number of its processes: each process takes a
    share of every batch. So a batch has one number for all of them, and a pass can be resumed by
    another number of processes.

    Args:
        order: The samples.
        batch_size: Samples per batch, of all processes together; the last batch of a pass may have
            fewer.
        drop_last: Leave out a last batch that is not full.
        process: Whose share is given.
    """

    order: SampleOrder
    batch_size: int
    drop_last: bool = False
    process: RunProcess = ONLY_PROCESS

    def __len__(self) -> int:
        """Number of batches of a whole pass."""
        full, rest = divmod(len(self.order), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    @property
    def num_shared(self) -> int:
        """Number of batches in which this process has a sample.

        A last batch that has fewer samples than there are processes is the one that may lack.
        """
        number = len(self)
        while number and not self._num_own(number - 1):
            number -= 1
        return number

    def batch(self, epoch: int, number: int) -> IndexArray:
        """One batch of a pass, or the share of it."""
        start, stop = self._bounds(number)
        own, end = self.process.share(stop - start)
        return self.order.indices(epoch, start + own, start + end)

    def batches(self, epoch: int, first: int = 0) -> Iterator[tuple[int, IndexArray]]:
        """The batches of a pass from one of them on, with their numbers.

        Those in which the process has no sample are left out.
        """
        size, end = self.batch_size, min(len(self.order), self.num_shared * self.batch_size)
        is_alone = self.process.is_alone
        for start, stop in growing_ranges(first * size, end, size):
            chunk = self.order.indices(epoch, start, stop)
            for offset in range(0, len(chunk), size):
                # Views of the chunk, each of a part of its own.
                batch = chunk[offset : offset + size]
                yield (start + offset) // size, batch if is_alone else self._own(batch)

    def _own(self, batch: IndexArray) -> IndexArray:
        start, stop = self.process.share(len(batch))
        return batch[start:stop]

    def _bounds(self, number: int) -> tuple[int, int]:
        """First position of a batch in its pass, and the one after its last."""
        start = number * self.batch_size
        return start, min(start + self.batch_size, len(self.order))

    def _num_own(self, number: int) -> int:
        start, stop = self._bounds(number)
        own, end = self.process.share(stop - start)
        return end - own


def growing_ranges(start: int, stop: int, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """Ranges from start to stop that grow; all but the last are multiples of `multiple` long."""
    length = FIRST_CHUNK
    while start < stop:
        end = min(stop, start + max(length // multiple, 1) * multiple)
        yield start, end
        start, length = end, min(2 * length, LAST_CHUNK)
