"""What augmentations of waveforms have in common, and the loudness of waveforms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.errors import ConfigError
from autrainer.transforms.base import Item
from autrainer.transforms.checks import need_dims, number
from autrainer.transforms.colour import floating

Range = float | Sequence[float]
"""A number, or the lowest and the highest one of which one is drawn."""


class WaveformAugmentation(AbstractAugmentation):
    """Base of augmentations of waveforms, (C, N); what comes out is floating point.

    Args:
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.
    """

    def apply(self, item: Item) -> Item:
        """Change the waveform of an item."""
        need_dims(self, item.features.shape, 2, "(channels, samples)")
        item.features = self.change(floating(item.features))
        return item

    @abstractmethod
    def change(self, waveform: torch.Tensor) -> torch.Tensor:
        """Another waveform, (C, N); the one that is given stays as it is."""

    def _draw(self, bounds: tuple[float, float]) -> float:
        """A number between two, all equally likely."""
        low, high = bounds
        return low + (high - low) * self._effects.uniform()


class Gain(WaveformAugmentation):
    """Makes waveforms louder or softer.

    Args:
        gain_db: By how much, in dB: a number, or the lowest and the highest one.
        clips: Cut off what is beyond -1 and 1 then, as a recording does.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        ConfigError: if the range is none.
    """

    def __init__(
        self,
        gain_db: Range = (-10.0, 10.0),
        clips: bool = False,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.gain_db = plain_range(gain_db)
        self.clips = clips
        self._bounds = bounds_of(self, "gain_db", gain_db)

    def change(self, waveform: torch.Tensor) -> torch.Tensor:
        """The waveform, times a factor."""
        louder = waveform * 10 ** (self._draw(self._bounds) / 20)
        return louder.clamp_(-1, 1) if self.clips else louder


def bounds_of(owner: object, name: str, value: Range) -> tuple[float, float]:
    """The lowest and the highest number of a range.

    Raises:
        ConfigError: if it is neither a number nor two of them, the lower one first.
    """
    if isinstance(value, (int, float)):
        return (number(owner, name, value),) * 2
    if isinstance(value, str) or len(value) != 2:
        raise ConfigError(
            f"{type(owner).__name__}: {name} is {value!r}; use a number, or the lowest and the "
            "highest one"
        )
    low, high = (number(owner, name, bound) for bound in value)
    if low > high:
        raise ConfigError(f"{type(owner).__name__}: {name} is {list(value)!r}; the lower one first")
    return low, high


def plain_range(value: Range) -> float | list[float]:
    """A range as it is written to YAML."""
    return value if isinstance(value, (int, float, str)) else list(value)
