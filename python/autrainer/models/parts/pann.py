"""Convolutional networks over log-mel spectrograms: PANNs.

Kong et al., "PANNs: Large-Scale Pretrained Audio Neural Networks for Audio Pattern Recognition",
IEEE/ACM TASLP 2020.
"""

# B batch, C channels, T frames, F mel bands, D width of the last block, S segments, K outputs.

from __future__ import annotations

import math
from abc import abstractmethod
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from autrainer.errors import DataError
from autrainer.models.base import AbstractModel
from autrainer.models.utils import load_transfer_weights

MEL_BANDS = 64
NOT_OURS = ("spectrogram_extractor.*", "logmel_extractor.*", "fc_audioset.*")
"""What published files have beside what is here: the spectrogram, and the head for AudioSet."""


class ConvBlock(nn.Module):
    """Two 3x3 convolutions, each with batch norm and ReLU, then average pooling.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x: torch.Tensor, pool_size: int = 2) -> torch.Tensor:
        """(B, C, T, F) to (B, C', T // pool_size, F // pool_size)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return x if pool_size == 1 else functional.avg_pool2d(x, kernel_size=pool_size)


class PannCNN(AbstractModel):
    """Blocks of convolutions, pooled over frequency and time, and a linear layer.

    Args:
        output_dim: Number of outputs K.
        segmentwise: Decide on segments and take the mean, instead of pooling over time first.
        in_channels: Channels C of the input.
        transfer: Path or address of a published file.
    """

    def __init__(
        self,
        output_dim: int,
        segmentwise: bool = False,
        in_channels: int = 1,
        transfer: str | None = None,
    ) -> None:
        super().__init__(output_dim, transfer)
        self.segmentwise = segmentwise
        self.in_channels = in_channels
        widths, self._pool_sizes = zip(*self.blocks, strict=True)
        self._min_frames = math.prod(self._pool_sizes)
        self.bn0 = nn.BatchNorm2d(MEL_BANDS)
        for number, (before, after) in enumerate(pairwise([in_channels, *widths]), start=1):
            self.add_module(f"conv_block{number}", ConvBlock(before, after))
        self.fc1 = nn.Linear(widths[-1], widths[-1])
        self.out = nn.Linear(widths[-1], output_dim)
        self.apply(_initialise)
        if transfer:
            load_transfer_weights(self, transfer, fresh=("out.*",), unused=NOT_OURS)

    @property
    @abstractmethod
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Channels and size of the pooling of each block."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K) for log-mel (B, C, T, 64)."""
        if self.segmentwise:
            return self.segments(features).mean(dim=1)
        outputs: torch.Tensor = self.out(self._clip(self._frames(features)))
        return outputs

    def segments(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs of each segment, (B, S, K): one for 16 frames of `Cnn10`, 32 of `Cnn14`."""
        x = functional.dropout(self._segments(self._frames(features)), 0.5, self.training)
        outputs: torch.Tensor = self.out(x)
        return outputs

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """What goes into the last layer: (B, D); with segments their mean."""
        x = self._frames(features)
        return self._segments(x).mean(dim=1) if self.segmentwise else self._clip(x)

    def _frames(self, features: torch.Tensor) -> torch.Tensor:
        """What the blocks make of the features, with the mean over frequency: (B, D, S)."""
        self._check(features)
        # Batch norm over the mel bands, which have to be where channels are.
        x: torch.Tensor = self.bn0(features.transpose(1, 3)).transpose(1, 3)
        for number, pool_size in enumerate(self._pool_sizes, start=1):
            x = self._modules[f"conv_block{number}"](x, pool_size)  # type: ignore[misc]
            x = functional.dropout(x, 0.2, self.training)
        return x.mean(dim=3)

    def _clip(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.fc1(x.max(dim=2).values + x.mean(dim=2)))

    def _segments(self, x: torch.Tensor) -> torch.Tensor:
        pooled = functional.max_pool1d(x, 3, stride=1, padding=1)
        pooled = pooled + functional.avg_pool1d(x, 3, stride=1, padding=1)
        x = functional.dropout(pooled, 0.5, self.training).transpose(1, 2)
        return functional.relu(self.fc1(x))

    def _check(self, features: torch.Tensor) -> None:
        shape = tuple(features.shape)
        if (
            len(shape) != 4
            or shape[1] != self.in_channels
            or shape[2] < self._min_frames
            or shape[3] != MEL_BANDS
        ):
            raise DataError(
                f"{type(self).__name__} takes log-mel (B, {self.in_channels}, T, {MEL_BANDS}) with "
                f"T of {self._min_frames} or more, found {shape}; PannMel with mel_bins: "
                f"{MEL_BANDS} makes it"
            )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
