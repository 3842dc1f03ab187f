"""Samplers: the samples of one pass after the other, as pure functions of (seed, epoch, position).

Each is a `sampler` of a torch `DataLoader`, or of ours, or goes into an `EpochBatchSampler`.
Nothing depends on what was drawn before, so a pass can be resumed anywhere and shared between
processes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from autrainer.data.native.shuffle import IndexArray, position_of, shuffled
from autrainer.data.samplers.batch_order import BatchOrder, Order, WholeOrder, growing_ranges
from autrainer.data.samplers.weights import checked_weights, class_weights
from autrainer.errors import DataError
from autrainer.runs.random.keys import key_seed, uniforms


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
        return _joined(parts)

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


class EpochSampler(PassSampler):
    """Every sample once in a pass.

    Args:
        num_samples: Number of samples.
        seed: With the epoch, decides the order.
        shuffle: Visit the samples in the order of (seed, epoch) instead of their own.
        rank: As in `PassSampler`.
        world_size: As in `PassSampler`.
        pads_end: As in `PassSampler`.
        drops_end: As in `PassSampler`.

    Raises:
        DataError: if there are no samples, or another argument is out of its range.
    """

    def __init__(
        self,
        num_samples: int,
        *,
        seed: int,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
        pads_end: bool = False,
        drops_end: bool = False,
    ) -> None:
        super().__init__(
            num_samples,
            seed=seed,
            rank=rank,
            world_size=world_size,
            pads_end=pads_end,
            drops_end=drops_end,
        )
        self.num_samples = num_samples
        self.shuffle = shuffle

    def _visited(self, epoch: int, start: int, stop: int) -> IndexArray:
        return WholeOrder(self.num_samples, self.seed, self.shuffle).indices(epoch, start, stop)


class WeightedSampler(PassSampler):
    """Samples drawn with replacement, each as often as its weight says.

    Takes 8 bytes per sample, and for each index a binary search.

    Args:
        weights: Weight of each sample, not below zero; of any sum.
        num_draws: Indices of a whole pass; None for as many as there are samples.
        num_samples: Number of samples, to be compared with that of the weights; None for theirs.
        seed: With the epoch and the position, decides the draw.
        rank: As in `PassSampler`.
        world_size: As in `PassSampler`.
        pads_end: As in `PassSampler`.
        drops_end: As in `PassSampler`.

    Raises:
        DataError: if weights are no weights, or another argument is out of its range.
    """

    def __init__(
        self,
        weights: npt.ArrayLike,
        num_draws: int | None = None,
        *,
        seed: int,
        num_samples: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        pads_end: bool = False,
        drops_end: bool = False,
    ) -> None:
        checked = checked_weights(weights)
        if num_samples not in (None, len(checked)):
            raise DataError(f"there are {len(checked)} weights for {num_samples} samples")
        super().__init__(
            len(checked) if num_draws is None else num_draws,
            seed=seed,
            rank=rank,
            world_size=world_size,
            pads_end=pads_end,
            drops_end=drops_end,
        )
        self.num_samples = len(checked)
        self._sums = np.cumsum(checked)
        # Where rounding takes a number up to the sum of all weights.
        self._last = int(np.flatnonzero(checked)[-1])

    def _visited(self, epoch: int, start: int, stop: int) -> IndexArray:
        drawn = uniforms(start, stop, "weighted", self.seed, epoch) * self._sums[-1]
        # Neighbours lie in the same lines of the cache: half the time of a search in any order.
        ascending = drawn.argsort()
        found = np.empty(len(drawn), np.int64)
        found[ascending] = self._sums.searchsorted(drawn[ascending], side="right")
        return found.clip(max=self._last, out=found)


class BalancedSampler(WeightedSampler):
    """Samples drawn with replacement: every class equally likely, and every sample in its class.

    Args:
        targets: Class of each sample: numbers or names.
        num_draws: Indices of a whole pass; None for as many as there are samples.
        seed: With the epoch and the position, decides the draw.
        rank: As in `PassSampler`.
        world_size: As in `PassSampler`.
        pads_end: As in `PassSampler`.
        drops_end: As in `PassSampler`.

    Raises:
        DataError: if samples do not have one class each, or another argument is out of its range.
    """

    def __init__(
        self,
        targets: npt.ArrayLike,
        num_draws: int | None = None,
        *,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        pads_end: bool = False,
        drops_end: bool = False,
    ) -> None:
        super().__init__(
            class_weights(targets),
            num_draws,
            seed=seed,
            rank=rank,
            world_size=world_size,
            pads_end=pads_end,
            drops_end=drops_end,
        )


class BlockSampler(PassSampler):
    """Every sample once in a pass, from few places at a time: for files that are slow to seek in.

    Samples that follow each other form blocks. Blocks come in a random order; the samples of some
    blocks that come together, a window, are shuffled. So a window has to be in reach, in the page
    cache for one, and each block is read in one go.

    Args:
        num_samples: Number of samples.
        block_size: Samples per block; the last block may have fewer.
        window: Blocks whose samples are shuffled together.
        seed: With the epoch, decides the order.
        rank: As in `PassSampler`.
        world_size: As in `PassSampler`.
        pads_end: As in `PassSampler`.
        drops_end: As in `PassSampler`.

    Raises:
        DataError: if there are no samples, or another argument is out of its range.
    """

    def __init__(
        self,
        num_samples: int,
        block_size: int,
        *,
        seed: int,
        window: int = 16,
        rank: int = 0,
        world_size: int = 1,
        pads_end: bool = False,
        drops_end: bool = False,
    ) -> None:
        for name, value in (("block_size", block_size), ("window", window)):
            if value < 1:
                raise DataError(f"{name} is {value}; use at least 1")
        super().__init__(
            num_samples,
            seed=seed,
            rank=rank,
            world_size=world_size,
            pads_end=pads_end,
            drops_end=drops_end,
        )
        self.num_samples = num_samples
        self.block_size = block_size
        self.window = window
        self._num_blocks = -(-num_samples // block_size)
        # How much the last block lacks, which stands anywhere in the order of blocks.
        self._gap = self._num_blocks * block_size - num_samples

    def _visited(self, epoch: int, start: int, stop: int) -> IndexArray:
        short = position_of(self._num_blocks - 1, self._num_blocks, seed=self.seed, epoch=epoch)
        parts = []
        while start < stop:
            number, begin, end = self._window_at(start, short)
            last = min(stop, end)
            parts.append(self._from_window(epoch, number, short, (begin, end), (start, last)))
            start = last
        return _joined(parts)

    def _window_at(self, position: int, short: int) -> tuple[int, int, int]:
        """Number, first and last position of the window that a position lies in."""
        size = self.window * self.block_size
        holds_short = short // self.window
        is_after = position >= (holds_short + 1) * size - self._gap
        number = (position + self._gap * is_after) // size
        begin = number * size - self._gap * (number > holds_short)
        end = begin + size - self._gap * (number == holds_short)
        return number, begin, min(end, self.num_samples)

    def _from_window(
        self, epoch: int, number: int, short: int, bounds: tuple[int, int], part: tuple[int, int]
    ) -> IndexArray:
        (begin, end), (start, stop) = bounds, part
        first = number * self.window
        last = min(first + self.window, self._num_blocks)
        blocks = shuffled(self._num_blocks, seed=self.seed, epoch=epoch, start=first, stop=last)
        seed = key_seed("window", self.seed, number)
        at = shuffled(end - begin, seed=seed, epoch=epoch, start=start - begin, stop=stop - begin)
        if first <= short < last:
            at[at >= (short - first + 1) * self.block_size - self._gap] += self._gap
        return blocks[at // self.block_size] * self.block_size + at % self.block_size


class EpochBatchSampler(Sampler[list[int]]):
    """Batches of indices of one pass after the other, as `batch_sampler` of a torch `DataLoader`.

    Args:
        num_samples: Number of samples, all of which come in every pass; None if `order` is given.
        batch_size: Indices per batch; the last batch of a pass may have fewer.
        seed: With the epoch, decides the order.
        shuffle: Visit the samples in the order of (seed, epoch) instead of their own.
        drop_last: Leave out a last batch that is not full.
        order: What comes in every pass instead, with a seed of its own: a sampler of this module.

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
        order: Order | None = None,
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


def _joined(parts: list[IndexArray]) -> IndexArray:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
