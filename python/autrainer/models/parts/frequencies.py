"""Where the filters of LEAF begin: centres and widths in Hz, by the name of an initialisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from autrainer.errors import ConfigError


@dataclass(frozen=True)
class Range:
    """What filters have to cover.

    Args:
        num_filters: Number of filters n.
        min_hz: Lowest frequency.
        max_hz: Highest frequency.
        sample_rate_hz: Sample rate.
        seed: Seed of random initialisations.
    """

    num_filters: int
    min_hz: float
    max_hz: float
    sample_rate_hz: int
    seed: int


Filters = tuple[torch.Tensor, torch.Tensor]
"""Angles per sample of the centres, and deviations in samples, each of shape (n,)."""


def initial_filters(name: str, given: Range) -> Filters:
    """Centres and deviations of Gabor filters.

    Raises:
        ConfigError: if there is no initialisation of that name.
    """
    if name not in INITIALISATIONS:
        raise ConfigError(
            f"model.initialization is {name!r}; use one of {', '.join(INITIALISATIONS)}"
        )
    return INITIALISATIONS[name](given)


def _of_hertz(given: Range, centres: torch.Tensor, widths: torch.Tensor) -> Filters:
    return centres * (2 * math.pi / given.sample_rate_hz), given.sample_rate_hz / 2 / widths


def _mel(given: Range) -> Filters:
    """Equally spaced on the mel scale, each as wide as from its left neighbour to its right."""
    low, high = (1127 * math.log1p(hz / 700) for hz in (given.min_hz, given.max_hz))
    mel = torch.linspace(low, high, given.num_filters + 2)
    peaks = 700 * (torch.exp(mel / 1127) - 1)
    return _of_hertz(given, peaks[1:-1], peaks[2:] - peaks[:-2])


def _bark(given: Range) -> Filters:
    """Equally spaced on the Bark scale of Traunmueller, each as wide as to its right neighbour."""
    top = given.max_hz + (given.max_hz - given.min_hz) / given.num_filters
    low, high = (26.81 * hz / (1960 + hz) - 0.53 for hz in (given.min_hz, top))
    bark = torch.linspace(low, high, given.num_filters + 1)
    bark = torch.where(bark < 2, bark + 0.15 * (2 - bark), bark)
    bark = torch.where(bark > 20.1, bark + 0.22 * (bark - 20.1), bark)
    hertz = 1960 * (bark + 0.53) / (26.28 - bark)
    return _of_hertz(given, hertz[:-1], hertz.diff())


def _linear_constant(given: Range) -> Filters:
    centres = torch.linspace(given.min_hz, given.max_hz, given.num_filters)
    return _of_hertz(given, centres, torch.full_like(centres, _constant_width(given)))


def _constant(given: Range) -> Filters:
    centres = torch.full((given.num_filters,), math.sqrt(given.min_hz * given.max_hz))
    return _of_hertz(given, centres, torch.full_like(centres, _constant_width(given)))


def _constant_width(given: Range) -> float:
    low, high = math.log(given.min_hz), math.log(given.max_hz)
    return math.exp((high - low) / 2.5 + low)


def _zeros(given: Range) -> Filters:
    centres = torch.zeros(given.num_filters)
    return _of_hertz(
        given, centres, torch.full_like(centres, math.sqrt(given.max_hz - given.min_hz))
    )


def _uniform(given: Range) -> Filters:
    rng = torch.Generator().manual_seed(given.seed)
    drawn = torch.rand(2, given.num_filters, generator=rng, device="cpu")
    span = given.max_hz - given.min_hz
    centres = (given.min_hz + span * drawn[0]).sort().values
    return _of_hertz(given, centres, drawn[1] * span / 10 + given.min_hz)


INITIALISATIONS: dict[str, Callable[[Range], Filters]] = {
    "mel": _mel,
    "bark": _bark,
    "linear-constant": _linear_constant,
    "constant": _constant,
    "uniform": _uniform,
    "zeros": _zeros,
}
