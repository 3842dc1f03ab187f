"""Augmentations of spectrograms, (C, H, W): for log-mel, axis 0 is time and axis 1 frequency."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.errors import ConfigError
from autrainer.transforms.base import Item
from autrainer.transforms.checks import at_least, need_dims
from autrainer.transforms.colour import floating
from autrainer.transforms.random import RandomStream


class GaussianNoise(AbstractAugmentation):
    """Adds normally distributed noise to features of any shape; the result is floating point.

    Args:
        mean: Mean of the noise.
        std: Standard deviation of the noise.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.
    """

    def __init__(
        self,
        mean: float = 0.0,
        std: float = 1.0,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        if std < 0:
            raise ConfigError(f"GaussianNoise: std is {std!r}; use zero or more")
        self.mean = mean
        self.std = std

    def apply(self, item: Item) -> Item:
        """Add noise."""
        features = floating(item.features)
        noise = torch.randn(features.shape, generator=self.rng, dtype=features.dtype)
        item.features = features + noise * self.std + self.mean
        return item


class TimeShift(AbstractAugmentation):
    """Rolls features along an axis; what leaves at one end comes in at the other.

    Args:
        axis: 0 for height, 1 for width.
        time_steps: The shift is drawn from [-time_steps, time_steps); 0 for none.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.
    """

    def __init__(
        self,
        axis: int,
        time_steps: int = 0,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.axis = axis_of(self, axis)
        self.time_steps = at_least(self, "time_steps", time_steps, 0)

    def apply(self, item: Item) -> Item:
        """Roll the features."""
        if self.time_steps:
            need_dims(self, item.features.shape, 3, "(channels, height, width)")
            shift = self._effects.integer(-self.time_steps, self.time_steps)
            item.features = item.features.roll(shift, dims=self.axis + 1)
        return item


class BandMask(AbstractAugmentation):
    """Blanks one band, of random width and place, in all channels.

    Args:
        axis: 0 for height, 1 for width.
        replace_with_zero: Fill with zeros; otherwise with the mean of the features.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.
    """

    def __init__(
        self,
        axis: int,
        replace_with_zero: bool,
        order: int,
        p: float,
        generator_seed: int | None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.axis = axis_of(self, axis)
        self.replace_with_zero = replace_with_zero

    @property
    @abstractmethod
    def widest(self) -> int:
        """Width that the band stays below."""

    def apply(self, item: Item) -> Item:
        """Blank a band in a copy of the features."""
        if self.widest:
            need_dims(self, item.features.shape, 3, "(channels, height, width)")
            fill = 0.0 if self.replace_with_zero else floating(item.features).mean().item()
            item.features = band_blanked(
                item.features, self.axis + 1, self.widest, fill, self._effects
            )
        return item


class TimeMask(BandMask):
    """Blanks a stretch of time.

    Args:
        time_mask: The stretch is shorter than this; 0 for none.
        axis: Where time is: 0 for height, 1 for width.
        replace_with_zero: Fill with zeros; otherwise with the mean of the features.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.
    """

    def __init__(
        self,
        time_mask: int,
        axis: int,
        replace_with_zero: bool = True,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(axis, replace_with_zero, order, p, generator_seed)
        self.time_mask = at_least(self, "time_mask", time_mask, 0)

    @property
    def widest(self) -> int:
        """Width that the band stays below."""
        return self.time_mask


class FrequencyMask(BandMask):
    """Blanks a band of frequencies.

    Args:
        freq_mask: The band is narrower than this; 0 for none.
        axis: Where frequency is: 0 for height, 1 for width.
        replace_with_zero: Fill with zeros; otherwise with the mean of the features.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.
    """

    def __init__(
        self,
        freq_mask: int,
        axis: int,
        replace_with_zero: bool = True,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(axis, replace_with_zero, order, p, generator_seed)
        self.freq_mask = at_least(self, "freq_mask", freq_mask, 0)

    @property
    def widest(self) -> int:
        """Width that the band stays below."""
        return self.freq_mask


def band_blanked(
    features: torch.Tensor, dim: int, widest: int, fill: float, stream: RandomStream
) -> torch.Tensor:
    """A copy of features in which one band, of random width and place, has one value.

    Args:
        features: Of any shape.
        dim: The dimension that the band is a part of.
        widest: The band is narrower than this.
        fill: The value.
        stream: What is drawn comes from here.
    """
    length = features.shape[dim]
    # Width first, then any start that leaves room for it, the last one included: drawn as
    # fractions and cut off, the last line would never be blank.
    width = int(stream.uniform() * min(widest, length))
    start = stream.integer(0, length - width + 1)
    features = features.clone()
    features.narrow(dim, start, width).fill_(fill)
    return features


def axis_of(owner: object, axis: Any) -> int:
    """The axis, if it is one of the two of a spectrogram.

    Raises:
        ConfigError: if it is not.
    """
    if axis not in (0, 1):
        raise ConfigError(
            f"{type(owner).__name__}: axis is {axis!r}; use 0 for height or 1 for width"
        )
    return int(axis)
