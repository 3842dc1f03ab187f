"""Log-mel spectrograms as SpeechBrain computes them, in torch: on any device, differentiable."""

from __future__ import annotations

import math

import torch
from torch import nn

SAMPLE_RATE_HZ = 16_000
WINDOW = 400
HOP = 160
DELTA_FRAMES = 2
AMIN = 1e-10
TOP_DB = 80.0


class Fbank(nn.Module):
    """Log-mel of waveforms of 16 kHz: (B, N) to (B, 1 + N // 160, F), float32.

    Frames of 25 ms each 10 ms, Hamming window, zeros at both ends, power, triangles on the mel
    scale of HTK (each as wide to its right as to its left), decibel within 80 dB of the loudest
    value of the sample.

    The buffer `compute_deltas.kernel` is in files of SpeechBrain; nothing is computed from it.

    Args:
        num_bands: Mel bands F.
    """

    window: torch.Tensor
    matrix: torch.Tensor

    def __init__(self, num_bands: int) -> None:
        super().__init__()
        self.compute_deltas = nn.Module()
        taps = torch.arange(-DELTA_FRAMES, DELTA_FRAMES + 1, dtype=torch.float32)
        self.compute_deltas.register_buffer("kernel", taps.repeat(num_bands, 1, 1))
        self.register_buffer("window", torch.hamming_window(WINDOW), persistent=False)
        self.register_buffer("matrix", triangles(num_bands), persistent=False)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Log-mel (B, T, F)."""
        with torch.autocast(waveforms.device.type, enabled=False):
            spectra = torch.stft(
                waveforms.float(),
                WINDOW,
                hop_length=HOP,
                window=self.window.float(),
                center=True,
                pad_mode="constant",
                return_complex=True,
            )
            power = torch.view_as_real(spectra).square().sum(dim=-1).transpose(1, 2)
            return _decibel(power @ self.matrix.float())


def triangles(num_bands: int, num_points: int = WINDOW // 2 + 1) -> torch.Tensor:
    """Weights (num_points, num_bands) of the bins of a spectrum of 0 to 8 kHz in each mel band."""
    top = SAMPLE_RATE_HZ / 2
    bins = torch.linspace(0, top, num_points)
    mel_top = 2595 * math.log10(1 + top / 700)
    hertz = 700 * (10 ** (torch.linspace(0, mel_top, num_bands + 2) / 2595) - 1)
    widths, centres = hertz.diff()[:-1], hertz[1:-1]
    slopes = (bins[:, None] - centres) / widths
    return torch.minimum(1 + slopes, 1 - slopes).clamp(min=0)


def _decibel(mel: torch.Tensor) -> torch.Tensor:
    levels = 10 * torch.log10(mel.clamp(min=AMIN))
    floors = levels.amax(dim=(1, 2), keepdim=True) - TOP_DB
    return torch.maximum(levels, floors)
