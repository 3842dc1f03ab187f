"""Every sample once in a pass, from few places of the files at a time."""

from __future__ import annotations

from autrainer.data.native.shuffle import IndexArray, position_of, shuffled
from autrainer.data.samplers.base import PassSampler, joined_indices
from autrainer.errors import DataError
from autrainer.runs.random.seeds import derived_seed


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
        return joined_indices(parts)

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
        seed = derived_seed("window", self.seed, number)
        at = shuffled(end - begin, seed=seed, epoch=epoch, start=start - begin, stop=stop - begin)
        if first <= short < last:
            at[at >= (short - first + 1) * self.block_size - self._gap] += self._gap
        return blocks[at // self.block_size] * self.block_size + at % self.block_size
