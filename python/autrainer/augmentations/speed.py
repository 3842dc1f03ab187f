"""Augmentations of speed and pitch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import torch

from autrainer.augmentations.waveforms import (
    Range,
    WaveformAugmentation,
    bounds_of,
    plain_range,
)
from autrainer.errors import ConfigError
from autrainer.transforms.checks import at_least, number

WIDTH = 6
ROLLOFF = 0.99
"""Zero crossings of the sinc on each side, and the cutoff as a share of the highest frequency."""

MOST_PHASES = 1000
SHORTEST_FFT = 32


class Speed(WaveformAugmentation):
    """Plays waveforms faster or slower, by resampling: pitch and formants change too.

    Reference: Ko et al., "Audio Augmentation for Speech Recognition", Interspeech 2015.

    Args:
        factors: One is drawn; 2 is twice as fast, so half as long.
        keeps_length: Cut what is longer than before, and fill up with zeros what is shorter. False
            gives ceil(N / factor) samples.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        ConfigError: if there is no factor, or one is not above zero.
    """

    def __init__(
        self,
        factors: Sequence[float] = (0.9, 1.0, 1.1),
        keeps_length: bool = True,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.factors = [number(self, "factors", factor) for factor in factors]
        self.keeps_length = keeps_length
        if not self.factors or min(self.factors) <= 0:
            raise ConfigError(f"Speed: factors are {self.factors!r}; use numbers above zero")

    def change(self, waveform: torch.Tensor) -> torch.Tensor:
        """The waveform at another speed."""
        factor = self.factors[self._effects.integer(0, len(self.factors))]
        faster = resampled_by(waveform, factor)
        return fitted(faster, waveform.shape[1]) if self.keeps_length else faster


class PitchShift(WaveformAugmentation):
    """Raises or lowers the pitch; the length stays.

    The waveform is stretched in time by a phase vocoder, and resampled to its length. Formants move
    along with the pitch.
    Reference: Laroche and Dolson, "Improved Phase Vocoder Time-Scale Modification of Audio", IEEE
    Transactions on Speech and Audio Processing, 1999.

    Args:
        semitones: By how much: a number, or the lowest and the highest one; 12 are an octave.
        n_fft: Samples of a window of the vocoder; a quarter of it lies between two windows.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        ConfigError: if the range is none, or reaches beyond two octaves.
    """

    def __init__(
        self,
        semitones: Range = (-4.0, 4.0),
        n_fft: int = 1024,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.semitones = plain_range(semitones)
        self.n_fft = at_least(self, "n_fft", n_fft, SHORTEST_FFT)
        self._bounds = bounds_of(self, "semitones", semitones)
        if max(map(abs, self._bounds)) > 24:
            raise ConfigError(f"PitchShift: semitones are {semitones!r}; use -24 to 24")

    def change(self, waveform: torch.Tensor) -> torch.Tensor:
        """The waveform at another pitch."""
        factor = 2 ** (self._draw(self._bounds) / 12)
        if factor == 1 or not waveform.shape[1]:
            return waveform
        stretched = time_stretched(waveform, 1 / factor, self.n_fft)
        return fitted(resampled_by(stretched, factor), waveform.shape[1])


def resampled_by(waveform: torch.Tensor, factor: float) -> torch.Tensor:
    """Values of a waveform at every `factor`-th sample, between samples by band-limited sinc.

    Args:
        waveform: Shape (C, N).
        factor: Steps from one value to the next, in samples; the nearest fraction with a
            denominator of up to 1,000 is taken. What the new samples do not hold is left out.

    Returns:
        Shape (C, ceil(N / factor)).

    Reference: Smith, "Digital Audio Resampling Home Page"; window (Hann), width (6) and rolloff
    (0.99) are the defaults of torchaudio, so for a factor of two integers this gives what
    `torchaudio.transforms.Resample` does, up to rounding.
    """
    ratio = Fraction(factor).limit_denominator(MOST_PHASES)
    if ratio == 1:
        return waveform
    # The place between samples comes round after so many values, and so many samples.
    num_phases, num_steps = ratio.denominator, ratio.numerator
    num_values = math.ceil(waveform.shape[1] / ratio)
    num_rounds = -(-num_values // num_phases)
    begins = torch.arange(num_phases) * num_steps
    kernel = _kernels(begins % num_phases / num_phases, min(1.0, float(1 / ratio)) * ROLLOFF)
    half = kernel.shape[1] // 2
    places = torch.arange(num_rounds)[:, None] * num_steps + begins // num_phases
    behind = num_rounds * num_steps + half - waveform.shape[1]
    windows = torch.nn.functional.pad(waveform, (half - 1, behind)).unfold(1, 2 * half, 1)
    values = (windows[:, places] * kernel.to(waveform.dtype)).sum(dim=-1)
    return values.flatten(1)[:, :num_values]


def _kernels(fractions: torch.Tensor, cutoff: float) -> torch.Tensor:
    """Weights of the samples around each of some places between two samples, float64."""
    half = math.ceil(WIDTH / cutoff)
    taps = torch.arange(1 - half, half + 1, dtype=torch.float64)
    times = ((taps - fractions[:, None]) * cutoff).clamp_(-WIDTH, WIDTH)
    return torch.sinc(times) * torch.cos(times * (math.pi / WIDTH / 2)).square_() * cutoff


def time_stretched(waveform: torch.Tensor, rate: float, n_fft: int) -> torch.Tensor:
    """A waveform that lasts 1 / rate times as long, at the same pitch, by a phase vocoder.

    Args:
        waveform: Shape (C, N).
        rate: Above 1 for a faster waveform.
        n_fft: Samples of a window.

    Returns:
        Shape (C, ceil(N / rate)).
    """
    hop = n_fft // 4
    window = torch.hann_window(n_fft, dtype=waveform.dtype)
    # Shorter ones have no reflection to fill the first window with.
    padded = fitted(waveform, max(waveform.shape[1], n_fft))
    spectrum_CFT = torch.stft(padded, n_fft, hop, window=window, return_complex=True)
    steps = torch.arange(0, spectrum_CFT.shape[2], rate, dtype=torch.float64)
    num_values = math.ceil(waveform.shape[1] / rate)
    stretched = vocoded(spectrum_CFT, steps, hop)
    return torch.istft(stretched, n_fft, hop, window=window, length=num_values)


def vocoded(spectrum_CFT: torch.Tensor, steps: torch.Tensor, hop: int) -> torch.Tensor:
    """Windows of a spectrum at steps between its own, with phases that go on as they would.

    Bins around a peak keep their phases relative to it (identity phase locking); otherwise they
    cancel each other out.

    Args:
        spectrum_CFT: Complex, shape (C, F, T).
        steps: Positions in [0, T), ascending.
        hop: Samples from one window to the next.
    """
    low = steps.long()
    weight = (steps - low).to(spectrum_CFT.real.dtype)
    # Behind the last window comes silence.
    padded = torch.nn.functional.pad(spectrum_CFT, (0, 1))
    before, after = padded[..., low], padded[..., low + 1]
    angles = before.angle()
    advance = torch.linspace(0, math.pi * hop, spectrum_CFT.shape[1], dtype=weight.dtype)[:, None]
    turns = after.angle() - angles - advance
    turns = turns - 2 * math.pi * (turns / (2 * math.pi)).round() + advance
    magnitude = torch.lerp(before.abs(), after.abs(), weight)
    peaks = nearest_peaks(magnitude)
    offsets = angles - angles.gather(1, peaks)
    phase = angles[..., 0]
    phases = [phase]
    for step in range(1, len(steps)):
        phase = (phase + turns[..., step - 1]).gather(1, peaks[..., step]) + offsets[..., step]
        phases.append(phase)
    return torch.polar(magnitude, torch.stack(phases, dim=-1))


def nearest_peaks(magnitude_CFT: torch.Tensor) -> torch.Tensor:
    """The peak that each bin is nearest to, of those that no bin within two exceeds.

    Args:
        magnitude_CFT: Shape (C, F, T).

    Returns:
        Bins, int64, shape (C, F, T).
    """
    num_bins = magnitude_CFT.shape[1]
    highest = torch.nn.functional.max_pool2d(magnitude_CFT, (5, 1), stride=1, padding=(2, 0))
    is_peak = highest == magnitude_CFT
    bins = torch.arange(num_bins)[:, None].expand_as(magnitude_CFT)
    below = torch.where(is_peak, bins, -num_bins).cummax(dim=1).values
    above = torch.where(is_peak, bins, 2 * num_bins).flip(1).cummin(dim=1).values.flip(1)
    return torch.where(bins - below <= above - bins, below, above)


def fitted(waveform: torch.Tensor, num_samples: int) -> torch.Tensor:
    """The first samples of a waveform, filled up with zeros if there are too few."""
    missing = num_samples - waveform.shape[1]
    return (
        torch.nn.functional.pad(waveform, (0, missing))
        if missing > 0
        else waveform[:, :num_samples]
    )
