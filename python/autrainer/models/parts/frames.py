"""Frames of encoders: how many a sample has, and one vector of them."""

# B batch, T frames, D width.

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch


def num_frames(
    lengths: torch.Tensor, kernels: Sequence[int], strides: Sequence[int]
) -> torch.Tensor:
    """Frames that convolutions without padding make of so many samples each."""
    for kernel, stride in zip(kernels, strides, strict=True):
        lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
    return lengths.clamp(min=1)


def mask_of(lengths: torch.Tensor, size: int) -> torch.Tensor:
    """Which of `size` places samples of these lengths fill: (B, size), bool."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def _mean(x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    if mask is None:
        return x.mean(dim=1)
    weights = mask.unsqueeze(2).to(x.dtype)
    return (x * weights).sum(dim=1) / weights.sum(dim=1)


def _max(x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    if mask is not None:
        x = x.masked_fill(~mask.unsqueeze(2), float("-inf"))
    return x.max(dim=1).values


def _first(x: torch.Tensor, _mask: torch.Tensor | None) -> torch.Tensor:
    return x[:, 0]


def _statistics(x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    mean = _mean(x, mask)
    variance = _mean((x - mean.unsqueeze(1)).square(), mask)
    return torch.cat([mean, variance.clamp(min=1e-10).sqrt()], dim=1)


POOLINGS: dict[str, Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]] = {
    "mean": _mean,
    "max": _max,
    "first": _first,
    "statistics": _statistics,
}
"""(B, T, D) and the frames that count to (B, D); `statistics`, mean and deviation, to (B, 2 D)."""
