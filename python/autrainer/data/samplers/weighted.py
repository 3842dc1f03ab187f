"""Samples drawn with replacement: by weights, or all classes alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autrainer.data.native.shuffle import IndexArray
from autrainer.data.samplers.base import PassSampler
from autrainer.data.samplers.weights import checked_weights, class_weights
from autrainer.errors import DataError
from autrainer.runs.random.uniforms import uniforms


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
