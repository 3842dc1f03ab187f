"""LEAF: filters over waveforms, pooling and compression, all of which train.

Zeghidour et al., "LEAF: A Learnable Frontend for Audio Classification", ICLR 2021; Schlueter and
Gutenbrunner, "EfficientLEAF", EUSIPCO 2022.
"""

# B batch, C filters, N samples, T frames, P taps of a filter.

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from autrainer.models.parts.frequencies import Filters
from autrainer.models.parts.pcen import Pcen, SpeechBrainPcen

HALF_WIDTH = math.sqrt(2 * math.log(2))
POOLING_WIDTH = 0.4
FFT_SIZE = 512
"""Size of the spectra whose mel bands SpeechBrain begins from."""


def gabor_filters(centres: torch.Tensor, deviations: torch.Tensor, num_taps: int) -> torch.Tensor:
    """Real parts, then imaginary parts: exp(i w t) times a Gaussian of area 1, (2 C, 1, P)."""
    half = num_taps // 2
    t = torch.arange(-half, half + 1, dtype=centres.dtype, device=centres.device)
    deviations = deviations[:, None]
    envelope = torch.exp(-0.5 * (t / deviations) ** 2) / (math.sqrt(2 * math.pi) * deviations)
    angles = centres[:, None] * t
    filters = torch.cat([envelope * torch.cos(angles), envelope * torch.sin(angles)])
    return filters.unsqueeze(1)


def clamped(centres: torch.Tensor, deviations: torch.Tensor, num_taps: int) -> Filters:
    """Centres and deviations that a filter of so many taps can have."""
    unit = HALF_WIDTH / math.pi
    return centres.clamp(0, math.pi), deviations.clamp(4 * unit, num_taps * unit)


def pooling_windows(widths: torch.Tensor, num_taps: int) -> torch.Tensor:
    """Gaussians with their peak at 1, of widths relative to half a window: (C, 1, P)."""
    places = torch.linspace(-1, 1, num_taps, dtype=widths.dtype, device=widths.device)
    widths = widths.clamp(2 / num_taps, 0.5)[:, None]
    return torch.exp(-0.5 * (places / widths) ** 2).unsqueeze(1)


def energies(
    x: torch.Tensor,
    filters: torch.Tensor,
    windows: torch.Tensor,
    bias: torch.Tensor | None,
    hop: int,
) -> torch.Tensor:
    """What filters let through of waveforms (B, 1, N), squared and pooled: (B, C, T)."""
    half = filters.shape[-1] // 2
    real, imaginary = functional.conv1d(x, filters, padding=half).chunk(2, dim=1)
    power = real.square() + imaginary.square()
    return functional.conv1d(
        power, windows, bias, stride=hop, padding=half, groups=windows.shape[0]
    )


class Filterbank(nn.Module):
    """Gabor filters and their pooling, as in EfficientLEAF.

    Args:
        filters: Centres and deviations that it begins with.
        num_taps: Length P of filters and windows; odd.
        hop: Samples from frame to frame.
    """

    def __init__(self, filters: Filters, num_taps: int, hop: int) -> None:
        super().__init__()
        centres, deviations = filters
        self.center_freqs = nn.Parameter(centres)
        self.bandwidths = nn.Parameter(deviations)
        self.pooling_widths = nn.Parameter(torch.full_like(centres, POOLING_WIDTH))
        self.num_taps = num_taps
        self.hop = hop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, N) to (B, C, T)."""
        filters = gabor_filters(
            *clamped(self.center_freqs, self.bandwidths, self.num_taps), self.num_taps
        )
        windows = pooling_windows(self.pooling_widths, self.num_taps)
        return energies(x, filters, windows, None, self.hop)


class Leaf(nn.Module):
    """Filter bank, then PCEN: (B, 1, N) to (B, C, T). Parameters as in EfficientLEAF.

    Args:
        filters: Centres and deviations that it begins with.
        num_taps: Length of filters and windows; odd.
        hop: Samples from frame to frame.
    """

    def __init__(self, filters: Filters, num_taps: int, hop: int) -> None:
        super().__init__()
        self.filterbank = Filterbank(filters, num_taps, hop)
        self.compression = Pcen(len(filters[0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compressed energies of the filters."""
        outputs: torch.Tensor = self.compression(self.filterbank(x))
        return outputs


class _GaborConv(nn.Module):
    def __init__(self, filters: Filters) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.stack(filters, dim=1))


class _Pooling(nn.Module):
    def __init__(self, num_filters: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.full((1, 1, num_filters, 1), POOLING_WIDTH))
        self._bias = nn.Parameter(torch.ones(num_filters))

    @property
    def bias(self) -> torch.Tensor:
        """What is added to each filter's energy."""
        return self._bias


class SpeechBrainLeaf(nn.Module):
    """The same computation with the parameters of SpeechBrain: (B, 1, N) to (B, C, T).

    Args:
        num_filters: Number of filters C.
        sample_rate_hz: Sample rate.
        min_hz: Lowest frequency.
    """

    def __init__(self, num_filters: int, sample_rate_hz: int, min_hz: float) -> None:
        super().__init__()
        self.num_taps = sample_rate_hz * 25 // 1000 | 1
        self.hop = sample_rate_hz * 10 // 1000
        self.complex_conv = _GaborConv(filters_of_mel_bands(num_filters, sample_rate_hz, min_hz))
        self.pooling = _Pooling(num_filters)
        self.compression = SpeechBrainPcen(num_filters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compressed energies of the filters."""
        centres, deviations = self.complex_conv.kernel.unbind(dim=1)
        filters = gabor_filters(*clamped(centres, deviations, self.num_taps), self.num_taps)
        windows = pooling_windows(self.pooling.weights.flatten(), self.num_taps)
        pooled = energies(x, filters, windows, self.pooling.bias, self.hop)
        outputs: torch.Tensor = self.compression(pooled.clamp(min=1e-5))
        return outputs


def filters_of_mel_bands(num_filters: int, sample_rate_hz: int, min_hz: float) -> Filters:
    """Filters that are as high and as wide as the bands of a mel spectrogram (HTK, 512 points)."""
    top = sample_rate_hz / 2
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (min_hz, top))
    peaks = 700 * (10 ** (torch.linspace(low, high, num_filters + 2) / 2595) - 1)
    bins = torch.linspace(0, top, FFT_SIZE // 2 + 1)
    slopes = peaks - bins[:, None]
    rising = -slopes[:, :-2] / peaks.diff()[:-1]
    falling = slopes[:, 2:] / peaks.diff()[1:]
    bands = torch.minimum(rising, falling).clamp(min=0).sqrt()
    half = bands >= bands.amax(dim=0) / 2
    deviations = HALF_WIDTH * FFT_SIZE / (math.pi * half.sum(dim=0))
    return bands.argmax(dim=0) * (2 * math.pi / FFT_SIZE), deviations
