"""Time warping and SpecAugment, for spectrograms (C, H, W): log-mel has time first, (1, T, F)."""

from __future__ import annotations

import torch

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.augmentations.spectrograms import axis_of, band_blanked
from autrainer.transforms.base import Item
from autrainer.transforms.checks import at_least, need_dims
from autrainer.transforms.colour import floating
from autrainer.transforms.random import RandomStream


class TimeWarp(AbstractAugmentation):
    """Moves one point of time, and stretches what is before and after it; both ends stay.

    The point is drawn from [W, L - 1 - W) of L frames, and moves by less than W frames. All
    channels and frequencies are warped alike; values between two frames are interpolated linearly,
    so the result is floating point. Features shorter than 2 W + 1 frames are warped by less.

    The map of time is the spline of order 1, phi(r) = r, through three control points: the moved
    one and the two ends. In one dimension that is a broken line, which cannot fold over. Differs
    from Park et al., "SpecAugment", Interspeech 2019, where a spline of order 2 in both dimensions
    moves a point of the middle frequency, and six points of the border stay: there the warp fades
    out towards the lowest and the highest frequency.

    Args:
        axis: Where time is: 0 for height, 1 for width.
        W: Frames by which the point moves at most; 0 for none.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.
    """

    def __init__(
        self,
        axis: int,
        W: int = 10,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.axis = axis_of(self, axis)
        self.W = at_least(self, "W", W, 0)

    def apply(self, item: Item) -> Item:
        """Warp the features."""
        need_dims(self, item.features.shape, 3, "(channels, height, width)")
        item.features = warped(item.features, self.axis + 1, self.W, self._effects)
        return item


class SpecAugment(AbstractAugmentation):
    """`TimeWarp` along axis 0, a blank band of axis 1, then a blank band of axis 0.

    Blank is zero. Reference: Park et al., "SpecAugment: A Simple Data Augmentation Method for
    Automatic Speech Recognition", Interspeech 2019.

    Args:
        time_mask: Frames that the blank stretch stays below; 0 for none.
        freq_mask: Bins that the blank band stays below; 0 for none.
        W: Frames by which time is warped at most; 0 for none.
        order: As in `AbstractAugmentation`.
        p: Probability that all three happen, and not none of them.
        generator_seed: As in `AbstractAugmentation`.
    """

    def __init__(
        self,
        time_mask: int = 10,
        freq_mask: int = 10,
        W: int = 50,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.time_mask = at_least(self, "time_mask", time_mask, 0)
        self.freq_mask = at_least(self, "freq_mask", freq_mask, 0)
        self.W = at_least(self, "W", W, 0)

    def apply(self, item: Item) -> Item:
        """Warp the features and blank a band of each axis."""
        need_dims(self, item.features.shape, 3, "(channels, time, frequency)")
        features = warped(item.features, 1, self.W, self._effects)
        if self.freq_mask:
            features = band_blanked(features, 2, self.freq_mask, 0.0, self._effects)
        if self.time_mask:
            features = band_blanked(features, 1, self.time_mask, 0.0, self._effects)
        item.features = features
        return item


def warped(features: torch.Tensor, dim: int, furthest: int, stream: RandomStream) -> torch.Tensor:
    """Features in which one position of a dimension, drawn at random, has moved.

    Args:
        features: Of any shape; they stay as they are.
        dim: The dimension, L long.
        furthest: How many positions it moves at most; less if L is below 2 `furthest` + 1.
        stream: What is drawn comes from here: twice, unless nothing can be moved.
    """
    last = features.shape[dim] - 1
    furthest = min(furthest, last // 2)
    if furthest == 0:
        return features
    position = furthest + stream.uniform() * (last - 2 * furthest)
    target = position + (2 * stream.uniform() - 1) * furthest
    return resampled(features, dim, sources(last, position, target))


def sources(last: int, position: float, target: float) -> torch.Tensor:
    """Where each position of a warped axis comes from: ends stay, one position becomes another.

    Args:
        last: The last position of the axis.
        position: A position in [0, last].
        target: Where it goes, in [0, last].

    Returns:
        Shape (last + 1,), float64, from 0 to `last`, never descending.

    >>> sources(4, position=1.0, target=2.0).tolist()
    [0.0, 0.5, 1.0, 2.5, 4.0]
    """
    frames = torch.arange(last + 1, dtype=torch.float64)
    # Where the target is an end, the other side takes up the whole axis.
    before = frames * (position / target) if target > 0 else frames
    after = (
        last - (last - frames) * ((last - position) / (last - target)) if target < last else frames
    )
    found = torch.where(frames <= target, before, after)
    found[0], found[-1] = 0, last
    return found.clamp_(0, last)


def resampled(features: torch.Tensor, dim: int, positions: torch.Tensor) -> torch.Tensor:
    """Values between those of a dimension, by linear interpolation; floating point.

    Args:
        features: Of any shape.
        dim: The dimension, L long.
        positions: Where the values are, in [0, L - 1].
    """
    features = floating(features)
    low = positions.long()
    high = (low + 1).clamp_(max=features.shape[dim] - 1)
    shape = [1] * features.dim()
    shape[dim] = -1
    weight = (positions - low).to(features.dtype).view(shape)
    return torch.lerp(features.index_select(dim, low), features.index_select(dim, high), weight)
