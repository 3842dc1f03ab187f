"""A small convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel, refuse_transfer


class SmallCNN(AbstractModel):
    """A few convolutions for small images and spectrograms: (B, C, H, W) to (B, K).

    Each block is a 3x3 convolution, batch norm and ReLU; between blocks, height and width are
    halved by averaging. The mean over what is left goes through dropout and a linear layer. Any
    height and width from `2 ** (number of blocks - 1)` on will do, and may differ between batches.

    Args:
        output_dim: Number of outputs K.
        in_channels: Number of channels C of the input.
        channels: Number of channels of each block.
        dropout: Share of embedding values that training drops.
        transfer: Nothing to transfer here; leave it out.
    """

    def __init__(
        self,
        output_dim: int,
        in_channels: int = 1,
        channels: Sequence[int] = (32, 64, 128),
        dropout: float = 0.2,
        transfer: bool | str | None = None,
    ) -> None:
        super().__init__(output_dim, transfer)
        refuse_transfer(self)
        if not channels:
            raise ConfigError("SmallCNN: channels is empty; give the channels of one block or more")
        self.in_channels = in_channels
        self.channels = list(channels)
        self.dropout = dropout
        widths = [in_channels, *self.channels]
        self.blocks = nn.Sequential(*(_block(before, after) for before, after in pairwise(widths)))
        self.pool = nn.AvgPool2d(2)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(widths[-1], output_dim)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.out(self.drop(self.embeddings(features)))
        return outputs

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """Means over all positions of the last block: (B, channels of the last block)."""
        x = features
        for index, block in enumerate(self.blocks):
            x = block(self.pool(x) if index else x)
        return x.mean(dim=(2, 3))


def _block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )
