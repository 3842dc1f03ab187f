"""Every sample once in a pass."""

from __future__ import annotations

from autrainer.data.native.shuffle import IndexArray
from autrainer.data.samplers.base import PassSampler
from autrainer.data.samplers.batch_order import WholeOrder


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
