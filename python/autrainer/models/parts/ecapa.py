"""ECAPA-TDNN: embeddings of speakers from spectrograms.

Desplanques, Thienpondt and Demuynck, "ECAPA-TDNN: Emphasized Channel Attention, Propagation and
Aggregation in TDNN Based Speaker Verification", Interspeech 2020. Modules have the names of
SpeechBrain, so that its published weights fit.
"""

# B batch, T frames, C channels.

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional


class SameConv(nn.Module):
    """A convolution over time that keeps the length: the ends are reflected.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Width; odd.
        dilation: Frames between two taps.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(
            in_channels,
            out_channels,
            kernel_size,
            dilation=dilation,
            padding=dilation * (kernel_size - 1) // 2,
            padding_mode="reflect" if kernel_size > 1 else "zeros",
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C', T)."""
        outputs: torch.Tensor = self.conv(x)
        return outputs


class Norm(nn.Module):
    """Batch norm over channels.

    Args:
        channels: Number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to the same shape."""
        outputs: torch.Tensor = self.norm(x)
        return outputs


class TdnnBlock(nn.Module):
    """Convolution, ReLU, batch norm.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Width of the convolution.
        dilation: Its dilation.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.conv = SameConv(in_channels, out_channels, kernel_size, dilation)
        self.norm = Norm(out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C', T)."""
        outputs: torch.Tensor = self.norm(functional.relu(self.conv(x)))
        return outputs


class Res2NetBlock(nn.Module):
    """Groups of channels, each convolved together with what the one before gave.

    Args:
        channels: Number of channels.
        scale: Number of groups.
        kernel_size: Width of the convolutions.
        dilation: Their dilation.
    """

    def __init__(self, channels: int, scale: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.scale = scale
        width = channels // scale
        self.blocks = nn.ModuleList(
            TdnnBlock(width, width, kernel_size, dilation) for _ in range(scale - 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to the same shape."""
        first, *others = x.chunk(self.scale, dim=1)
        outputs = [first]
        for index, (block, group) in enumerate(zip(self.blocks, others, strict=True)):
            outputs.append(block(group + outputs[-1] if index else group))
        return torch.cat(outputs, dim=1)


class SqueezeExcitation(nn.Module):
    """Weights each channel by what the whole sequence says of it.

    Args:
        channels: Number of channels.
        hidden: Width between.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.conv1 = SameConv(channels, hidden)
        self.conv2 = SameConv(hidden, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to the same shape."""
        weights = functional.relu(self.conv1(x.mean(dim=2, keepdim=True)))
        return x * torch.sigmoid(self.conv2(weights))


class SeRes2NetBlock(nn.Module):
    """A residual block: TDNN, Res2Net, TDNN, squeeze and excitation.

    Args:
        channels: Number of channels.
        scale: Groups of the Res2Net.
        hidden: Width of the squeeze.
        kernel_size: Width of the convolutions of the Res2Net.
        dilation: Their dilation.
    """

    def __init__(
        self, channels: int, scale: int, hidden: int, kernel_size: int, dilation: int
    ) -> None:
        super().__init__()
        self.tdnn1 = TdnnBlock(channels, channels)
        self.res2net_block = Res2NetBlock(channels, scale, kernel_size, dilation)
        self.tdnn2 = TdnnBlock(channels, channels)
        self.se_block = SqueezeExcitation(channels, hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to the same shape."""
        outputs: torch.Tensor = self.se_block(self.tdnn2(self.res2net_block(self.tdnn1(x))))
        return outputs + x


class AttentiveStatistics(nn.Module):
    """Mean and deviation over time, weighted by attention: (B, C, T) to (B, 2 C, 1).

    Args:
        channels: Number of channels.
        hidden: Width of the attention.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.tdnn = TdnnBlock(3 * channels, hidden)
        self.conv = SameConv(hidden, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Statistics of each channel."""
        uniform = x.new_full((), 1.0 / x.shape[2])
        context = [statistic.expand_as(x) for statistic in _statistics(x, uniform)]
        scores = self.conv(torch.tanh(self.tdnn(torch.cat([x, *context], dim=1))))
        return torch.cat(_statistics(x, scores.softmax(dim=2)), dim=1)


def _statistics(x: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted mean and deviation over time, each (B, C, 1)."""
    mean = (x * weights).sum(dim=2, keepdim=True)
    variance = (weights * (x - mean).square()).sum(dim=2, keepdim=True)
    return mean, variance.clamp(min=1e-12).sqrt()


class EcapaTdnn(nn.Module):
    """Embeddings of spectrograms: (B, T, F) to (B, embedding_size), T of 5 or more.

    Args:
        input_size: Mel bands F.
        channels: Channels of the blocks, the last ones those before the statistics.
        embedding_size: Width of the embeddings.
        scale: Groups of each Res2Net.
        hidden: Width of attention and of squeeze.
    """

    def __init__(
        self,
        input_size: int,
        channels: Sequence[int] = (1024, 1024, 1024, 1024, 3072),
        embedding_size: int = 192,
        scale: int = 8,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        first, *middle, last = channels
        self.blocks = nn.ModuleList([TdnnBlock(input_size, first, 5)])
        for dilation, width in enumerate(middle, start=2):
            self.blocks.append(SeRes2NetBlock(width, scale, hidden, 3, dilation))
        self.mfa = TdnnBlock(sum(middle), last)
        self.asp = AttentiveStatistics(last, hidden)
        self.asp_bn = Norm(2 * last)
        self.fc = SameConv(2 * last, embedding_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embeddings (B, embedding_size)."""
        x = x.transpose(1, 2)
        outputs = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        pooled = self.asp(self.mfa(torch.cat(outputs[1:], dim=1)))
        embeddings: torch.Tensor = self.fc(self.asp_bn(pooled)).squeeze(2)
        return embeddings
