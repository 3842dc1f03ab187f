"""Per-channel energy normalisation: each band divided by what it has been like lately.

Wang et al., "Trainable Frontend For Robust and Far-Field Keyword Spotting", ICASSP 2017.
"""

# B batch, C channels, T frames.

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

BLOCK = 32
"""Frames that are added up by one product of matrices."""


def smooth(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Exponential moving average over time: m_0 = x_0, m_t = (1 - s) m_(t-1) + s x_t.

    Frames are added up in blocks, then blocks of blocks, without a loop over frames; the result is
    that of the recurrence but for rounding.

    Args:
        x: Shape (B, C, T).
        weights: s of each channel, shape (C,).
    """
    scaled = torch.cat([x[..., :1], weights.view(-1, 1) * x[..., 1:]], dim=-1)
    return _accumulate(scaled, 1 - weights)


def _accumulate(x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """y_t = keep y_(t-1) + x_t for x of shape (B, C, T) and `keep` of shape (C,)."""
    size = x.shape[-1]
    padded = functional.pad(x, (0, -size % BLOCK))
    blocks = padded.view(*x.shape[:2], -1, BLOCK)
    within = torch.einsum("bcnt,cts->bcns", blocks, _decays(keep))
    if blocks.shape[2] > 1:
        ends = _accumulate(within[..., -1], keep**BLOCK)
        before = functional.pad(ends[..., :-1], (1, 0))
        steps = torch.arange(1, BLOCK + 1, device=keep.device)
        within = within + before.unsqueeze(-1) * (keep[:, None] ** steps).unsqueeze(1)
    return within.flatten(2)[..., :size]


def _decays(keep: torch.Tensor) -> torch.Tensor:
    """What is left of frame t in frame s of a block: (C, BLOCK, BLOCK)."""
    frames = torch.arange(BLOCK, device=keep.device)
    distances = frames - frames[:, None]
    left = keep.view(-1, 1, 1) ** distances.clamp(min=0)
    return left * (distances >= 0)


class Pcen(nn.Module):
    """PCEN as in EfficientLEAF: y = (x / (eps + m)^alpha + delta)^(1/r) - delta^(1/r).

    Args:
        channels: Number of channels C.
        s: Weight of a frame in the moving average m.
        alpha: How much of the loudness is taken out; at most 1 is used.
        delta: Bias; at least 0 is used.
        r: Root; at least 1 is used.
        eps: Keeps silence from being divided by zero.
    """

    def __init__(
        self,
        channels: int,
        s: float = 0.04,
        alpha: float = 0.96,
        delta: float = 2.0,
        r: float = 2.0,
        eps: float = 1e-12,
    ) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.full((channels,), s))
        self.alpha = nn.Parameter(torch.full((channels,), alpha))
        self.delta = nn.Parameter(torch.full((channels,), delta))
        self.r = nn.Parameter(torch.full((channels,), r))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T), of 0 or more, to the same shape."""
        x = x.clamp(min=1e-5)
        alpha = self.alpha.clamp(max=1).view(-1, 1)
        delta = self.delta.clamp(min=0).view(-1, 1)
        root = 1 / self.r.clamp(min=1).view(-1, 1)
        # The gain as an exponential keeps its precision where the average is tiny.
        averages = smooth(x, self.s)
        gain = torch.exp(-alpha * (math.log(self.eps) + torch.log1p(averages / self.eps)))
        return (x * gain + delta) ** root - delta**root


class MovingAverage(nn.Module):
    """Holds the weights of a moving average under the name that SpeechBrain has for them.

    Args:
        channels: Number of channels.
        weight: Weight of a frame.
    """

    def __init__(self, channels: int, weight: float) -> None:
        super().__init__()
        self._weights = nn.Parameter(torch.full((channels,), weight))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to the same shape."""
        return smooth(x, self._weights.clamp(min=0, max=1))


class SpeechBrainPcen(nn.Module):
    """PCEN with the parameters of SpeechBrain.

    Args:
        channels: Number of channels C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.full((channels,), 0.96))
        self.delta = nn.Parameter(torch.full((channels,), 2.0))
        self.root = nn.Parameter(torch.full((channels,), 2.0))
        self.ema = MovingAverage(channels, 0.04)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T), of more than 0, to the same shape."""
        alpha = self.alpha.clamp(max=1).view(-1, 1)
        delta = self.delta.view(-1, 1)
        root = 1 / self.root.clamp(min=1).view(-1, 1)
        averages: torch.Tensor = self.ema(x)
        return (x / (1e-12 + averages) ** alpha + delta) ** root - delta**root
