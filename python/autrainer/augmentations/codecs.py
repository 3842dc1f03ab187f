"""What transmission and storage do to waveforms: bands, levels, and a telephone line.

These are models of what codecs lose, not codecs: nothing here computes what an MP3 or a GSM encoder
would, whose losses depend on the sound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from autrainer.augmentations.waveforms import WaveformAugmentation
from autrainer.errors import ConfigError
from autrainer.transforms.checks import number, positive_int

EDGE = 0.1
"""Share of a limit of a band over which it fades out."""

TELEPHONE_HZ = (300.0, 3400.0)
MOST_BITS = 24


class BandLimit(WaveformAugmentation):
    """Keeps a band of frequencies, in zero phase.

    Outside of the band the spectrum fades out along half a cosine, over a tenth of the limit.

    Args:
        sample_rate: Of the waveforms, in Hz.
        low_hz: Lowest frequency that is kept, in Hz; 0 for all.
        high_hz: Highest frequency that is kept, in Hz; None for all.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        ConfigError: if the limits are none.
    """

    def __init__(
        self,
        sample_rate: int,
        low_hz: float = 0.0,
        high_hz: float | None = None,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.sample_rate = positive_int(self, "sample_rate", sample_rate)
        self.low_hz = number(self, "low_hz", low_hz)
        self.high_hz = None if high_hz is None else number(self, "high_hz", high_hz)
        if low_hz < 0 or not low_hz < (math.inf if high_hz is None else high_hz):
            raise ConfigError(
                f"BandLimit: low_hz is {low_hz!r} and high_hz {high_hz!r}; use a band from zero on"
            )

    def change(self, waveform: torch.Tensor) -> torch.Tensor:
        """The band of the waveform."""
        return band_limited(waveform, self.sample_rate, self.low_hz, self.high_hz)


class BitDepth(WaveformAugmentation):
    """Rounds waveforms to the levels of so many bits; what is beyond -1 and 1 is cut off.

    Args:
        bits: Of a sample: a number from 2 to 24, or several, of which one is drawn.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        ConfigError: if there is another number of bits.
    """

    def __init__(
        self,
        bits: int | Sequence[int] = (8, 10, 12),
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.bits = bits if isinstance(bits, int) else list(bits)
        self._choices = [bits] if isinstance(bits, int) else list(bits)
        valid = [isinstance(n, int) and 2 <= n <= MOST_BITS for n in self._choices]
        if not valid or not all(valid):
            raise ConfigError(
                f"BitDepth: bits is {self.bits!r}; use integers from 2 to {MOST_BITS}"
            )

    def change(self, waveform: torch.Tensor) -> torch.Tensor:
        """The waveform in few levels."""
        bits = self._choices[self._effects.integer(0, len(self._choices))]
        levels = 1 << (bits - 1)
        return (waveform * levels).round_().clamp_(-levels, levels - 1).div_(levels)


class MuLaw(WaveformAugmentation):
    """Rounds waveforms to levels that lie closer where they are soft, as telephones do.

    The curve is the continuous one that ITU-T G.711 approximates by straight lines; what is beyond
    -1 and 1 is cut off.

    Args:
        levels: How many there are; G.711 has 256.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        ConfigError: if there are less than 2.
    """

    def __init__(
        self,
        levels: int = 256,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.levels = positive_int(self, "levels", levels)
        if levels < 2:
            raise ConfigError(f"MuLaw: levels is {levels!r}; use 2 or more")

    def change(self, waveform: torch.Tensor) -> torch.Tensor:
        """The waveform in few levels."""
        return mu_law_coded(waveform, self.levels)


class Telephone(WaveformAugmentation):
    """A narrow-band telephone line: 300 to 3,400 Hz, then the 256 levels of mu-law.

    Args:
        sample_rate: Of the waveforms, in Hz; it stays.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.
    """

    def __init__(
        self,
        sample_rate: int,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.sample_rate = positive_int(self, "sample_rate", sample_rate)

    def change(self, waveform: torch.Tensor) -> torch.Tensor:
        """The waveform at the other end of the line."""
        return mu_law_coded(band_limited(waveform, self.sample_rate, *TELEPHONE_HZ), 256)


def band_limited(
    waveform: torch.Tensor, sample_rate: int, low_hz: float, high_hz: float | None
) -> torch.Tensor:
    """A band of a waveform; see `BandLimit`.

    Args:
        waveform: Shape (C, N).
        sample_rate: In Hz.
        low_hz: Lowest frequency that is kept.
        high_hz: Highest frequency that is kept; None for all.
    """
    num_samples = waveform.shape[1]
    if not num_samples:
        return waveform
    # Twice as long, so that the end does not ring into the beginning.
    size = 2 ** math.ceil(math.log2(2 * num_samples))
    frequencies = torch.fft.rfftfreq(size, 1 / sample_rate, dtype=torch.float64)
    passed = torch.ones_like(frequencies)
    if low_hz > 0:
        passed *= _fading((low_hz - frequencies) / (EDGE * low_hz))
    if high_hz is not None:
        passed *= _fading((frequencies - high_hz) / (EDGE * high_hz))
    spectrum = torch.fft.rfft(waveform, size) * passed.to(waveform.dtype)
    limited: torch.Tensor = torch.fft.irfft(spectrum, size)
    return limited[:, :num_samples].contiguous()


def _fading(distance: torch.Tensor) -> torch.Tensor:
    """From 1 at a distance of 0 to 0 at 1, along half a cosine."""
    return torch.cos(distance.clamp(0, 1) * math.pi).add_(1).div_(2)


def mu_law_coded(waveform: torch.Tensor, levels: int) -> torch.Tensor:
    """A waveform rounded to the levels of mu-law; see `MuLaw`.

    Args:
        waveform: Of any shape, from -1 to 1.
        levels: How many levels there are, mu + 1.
    """
    mu = levels - 1
    loud = waveform.abs().clamp_(max=1)
    curved = torch.log1p(mu * loud) / math.log1p(mu) * waveform.sign()
    rounded = ((curved + 1) * (mu / 2)).round_().div_(mu / 2).sub_(1)
    coded: torch.Tensor = torch.expm1(rounded.abs() * math.log1p(mu)) / mu * rounded.sign()
    return coded
