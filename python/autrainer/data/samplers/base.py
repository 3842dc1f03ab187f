"""What samplers have in common: a pass that processes share, and any part of it.

Each sampler is a pure function of (seed, epoch, position): a `sampler` of a torch `DataLoader`, or
of ours, and it may go into an `EpochBatchSampler`. Nothing depends on what was drawn before, so a
pass can be resumed anywhere and shared between processes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from autrainer.data.native.shuffle import IndexArray, shuffled
from autrainer.data.samplers.batch_order import growing_ranges
from autrainer.errors import DataError


class PassSampler(Sampler[int], ABC):
    """Base of the samplers: shares a pass between processes and gives any part of it.

    Each process gives its rank and gets a slice of the same pass; together they get all of it.
    Slices differ in length by one sample at most, or not at all on request.

    Args:
        num_positions: Number of samples of a whole pass, all slices together.
        seed: With the epoch, decides the pass.
        rank: Which slice of the pass this sampler gives.
        world_size: Number of slices.
        pads_end: Make slices equally long: the last ones go on with the first samples again.
        drops_end: Make slices equally long: the last samples of the pass are left out.

    Raises:
        DataError: if there are no samples, or another argument is out of its range.
    """

    def __init__(
        self,
        num_positions: int,
        *,
        seed: int,
        rank: int,
        world_size: int,
        pads_end: bool,
        drops_end: bool,
    ) -> None:
        if not 0 <= rank < world_size:
            raise DataError(f"rank is {rank}; with world_size {world_size} use 0 to world_size - 1")
        if pads_end and drops_end:
            raise DataError("pads_end and drops_end exclude each other; choose one")
        # Refuses what the order of a pass would refuse, before a pass begins.
        shuffled(num_positions, seed=seed, epoch=0, stop=0)
        if drops_end and num_positions < world_size:
            raise DataError(
                f"there are {num_positions} samples for {world_size} slices, so drops_end would "
                "leave none; use pads_end, or a smaller world_size"
            )
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.pads_end = pads_end
        self.drops_end = drops_end
        self.epoch = 0
        self._num_positions = num_positions
        self._start, self._stop = (self._begin_of(number) for number in (rank, rank + 1))

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be that of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Number of indices of a pass."""
        return self._stop - self._start

    def __iter__(self) -> Iterator[int]:
        """Indices of the pass `epoch`."""
        return self._iterated(self.epoch)

    def indices(self, epoch: int, start: int, stop: int) -> IndexArray:
        """Indices at some positions of a pass, int64.

        Raises:
            DataError: if a pass does not have these positions.
        """
        if not 0 <= start <= stop <= len(self):
            raise DataError(f"positions are {start} to {stop}; a pass has 0 to {len(self)}")
        parts = []
        position, stop = self._start + start, self._start + stop
        while position < stop:
            first = position % self._num_positions
            last = min(first + stop - position, self._num_positions)
            parts.append(self._visited(epoch, first, last))
            position += last - first
        return joined_indices(parts)

    @abstractmethod
    def _visited(self, epoch: int, start: int, stop: int) -> IndexArray:
        """Samples at some positions of the whole pass, all slices together."""

    def _begin_of(self, rank: int) -> int:
        if self.pads_end:
            return rank * -(-self._num_positions // self.world_size)
        if self.drops_end:
            return rank * (self._num_positions // self.world_size)
        return rank * self._num_positions // self.world_size

    def _iterated(self, epoch: int) -> Iterator[int]:
        for start, stop in growing_ranges(0, len(self)):
            yield from self.indices(epoch, start, stop).tolist()


def joined_indices(parts: list[IndexArray]) -> IndexArray:
    """Parts of a pass as one array."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
