"""Batch normalisation over the samples of all processes of a run.

`torch.nn.SyncBatchNorm` does the same on GPUs alone, and averages gradients where shares differ.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from autrainer.runs.process.communicator import Communicator


class SyncBatchNorm:
    """What a batch normalisation of torch becomes; not made, but put into its place."""

    communicator: Communicator

    def forward(self: Any, features: torch.Tensor) -> torch.Tensor:
        """Normalise by the statistics of all processes, while the model trains.

        Args:
            features: Shape (B, C, ...).
        """
        if not self.training:
            plain: torch.Tensor = super().forward(features)  # type: ignore[misc]
            return plain
        axes = [axis for axis in range(features.dim()) if axis != 1]
        mean, variance, count = _statistics(features, axes, self.communicator)
        self._keep(mean.detach(), variance.detach(), count)
        shape = [1, -1, *(1 for _ in axes[1:])]
        scale = torch.rsqrt(variance + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale if self.bias is None else self.bias - mean * scale
        return features * scale.view(shape) + shift.view(shape)

    def _keep(self: Any, mean: torch.Tensor, variance: torch.Tensor, count: float) -> None:
        """Update running statistics as torch does: with the unbiased variance."""
        if not self.track_running_stats or self.running_mean is None:
            return
        self.num_batches_tracked.add_(1)
        momentum = self.momentum
        if momentum is None:
            momentum = 1.0 / float(self.num_batches_tracked)
        unbiased = variance * (count / max(count - 1, 1))
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), momentum)


class _Sync1d(SyncBatchNorm, nn.BatchNorm1d): ...


class _Sync2d(SyncBatchNorm, nn.BatchNorm2d): ...


class _Sync3d(SyncBatchNorm, nn.BatchNorm3d): ...


_KINDS: dict[type, type] = {
    nn.BatchNorm1d: _Sync1d,
    nn.BatchNorm2d: _Sync2d,
    nn.BatchNorm3d: _Sync3d,
}


def synchronise(model: nn.Module, communicator: Communicator) -> None:
    """Let the batch normalisations of a model normalise over the samples of all processes.

    States, names and everything else of the model stay. Layers of other classes, also those that
    derive from torch's, are left as they are.
    """
    for module in model.modules():
        kind: Any = _KINDS.get(type(module))
        if kind is not None:
            module.__class__ = kind
            vars(module)["communicator"] = communicator


def _statistics(
    features: torch.Tensor, axes: list[int], communicator: Communicator
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Mean and biased variance of each channel over all processes, and of how many values."""
    count = features.numel() // features.shape[1]
    mean = features.mean(axes)
    square = (features - mean.view(1, -1, *(1 for _ in axes[1:]))).square().mean(axes)
    # The squares of the means are taken off again in float64, so that nothing is lost by it.
    wide = mean.double()
    own = torch.cat([wide, square.double() + wide.square(), wide.new_ones(1)]) * count
    total = _SumOfAll.apply(own, communicator, len(features))
    num = float(total[-1].detach())
    both = (total[:-1] / num).view(2, -1)
    variance = (both[1] - both[0].square()).clamp_min(0)
    return both[0].to(features.dtype), variance.to(features.dtype), num


class _SumOfAll(torch.autograd.Function):
    """The sum over all processes; its gradient is that of the mean loss over all samples.

    Each process computes the gradient of the mean over its own samples, which is weighted by their
    number afterwards (`engine/gradient_sum.py`). So what the others contribute here is weighted by
    their numbers, and divided by that of this process.
    """

    @staticmethod
    def forward(ctx: Any, own: torch.Tensor, communicator: Communicator, num: int) -> torch.Tensor:
        ctx.communicator, ctx.num = communicator, num
        return communicator.sum(own.clone())

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return ctx.communicator.sum(gradient * ctx.num) / ctx.num, None, None
