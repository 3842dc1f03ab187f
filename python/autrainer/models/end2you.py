"""Convolutions and a recurrent network over waveforms."""

# B batch, N samples, T frames, H width of the recurrent network, K outputs.

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from autrainer.errors import ConfigError, DataError, did_you_mean
from autrainer.models.base import AbstractModel, refuse_transfer
from autrainer.models.parts.waveforms import single_channel
from autrainer.models.sequential import SequenceBackbone


@dataclass(frozen=True)
class _Shape:
    """Sizes of the blocks of convolutions, and what follows each."""

    channels: tuple[int, ...]
    kernels: tuple[int, ...]
    pools: tuple[int, ...]
    activation: type[nn.Module]

    @property
    def min_samples(self) -> int:
        """Fewest samples that give a frame."""
        size = 1
        for kernel, pool in zip(reversed(self.kernels), reversed(self.pools), strict=True):
            # A convolution of even width takes a sample off.
            size = size * pool + (kernel - 1) % 2
        return size


SHAPES = {
    "emo18": _Shape((64, 128, 256), (8, 6, 6), (10, 8, 8), nn.LeakyReLU),
    "zhao19": _Shape((64, 64, 128, 128), (3, 3, 3, 3), (4, 4, 4, 4), nn.ELU),
}
"""Tzirakis et al., "End-to-End Speech Emotion Recognition Using Deep Neural Networks", ICASSP 2018;
Zhao et al., "Speech emotion recognition using deep 1D & 2D CNN LSTM networks", 2019."""


class AudioRNNModel(AbstractModel):
    """Blocks of convolutions over waveforms, LSTM or GRU, mean over time: (B, 1, N) to (B, K).

    This is the audio model of End2You.

    Args:
        output_dim: Number of outputs K.
        model_name: Which convolutions: `emo18` or `zhao19`.
        hidden_size: Width of the cells.
        num_layers: Number of recurrent layers.
        dropout: Between recurrent layers.
        cell: `LSTM` or `GRU`.
        bidirectional: Read sequences both ways.
        transfer: Nothing to transfer here; leave it out.
    """

    def __init__(
        self,
        output_dim: int,
        model_name: str,
        hidden_size: int = 256,
        num_layers: int = 2,
        dropout: float = 0.5,
        cell: str = "LSTM",
        bidirectional: bool = False,
        transfer: bool | str | None = None,
    ) -> None:
        super().__init__(output_dim, transfer)
        refuse_transfer(self)
        if model_name not in SHAPES:
            raise ConfigError(
                f"model.model_name is {model_name!r}; use one of {', '.join(SHAPES)} "
                f"{did_you_mean(model_name, SHAPES)}".rstrip()
            )
        self.model_name = model_name
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.cell = cell
        self.bidirectional = bidirectional
        self._min_samples = SHAPES[model_name].min_samples
        # Three names deep, as in the files of End2You.
        self.audio_model = _Named(model=_Named(model=_Named(network=_blocks(SHAPES[model_name]))))
        self.rnn = SequenceBackbone(
            SHAPES[model_name].channels[-1],
            hidden_size,
            num_layers,
            dropout=dropout,
            cell=cell,
            time_pooling=True,
            bidirectional=bidirectional,
        )
        self.linear = nn.Linear(self.rnn.output_dim, output_dim)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.linear(self.embeddings(features))
        return outputs

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """Means over time of the recurrent part: (B, H)."""
        x = single_channel(features, type(self).__name__)
        if x.shape[1] < self._min_samples:
            raise DataError(
                f"AudioRNNModel with {self.model_name} takes {self._min_samples} samples or more, "
                f"found {x.shape[1]}; Expand makes sounds longer"
            )
        frames: torch.Tensor = self.audio_model(x.unsqueeze(1))
        embeddings: torch.Tensor = self.rnn(frames.transpose(1, 2))
        return embeddings


class _Named(nn.Module):
    """A module under another name."""

    def __init__(self, **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for module in self.children():
            x = module(x)
        return x


def _blocks(shape: _Shape) -> nn.Sequential:
    parts: list[nn.Module] = []
    widths = pairwise((1, *shape.channels))
    for (before, after), kernel, pool in zip(widths, shape.kernels, shape.pools, strict=True):
        conv = nn.Conv1d(before, after, kernel, padding=(kernel - 1) // 2)
        nn.init.kaiming_uniform_(conv.weight)
        assert conv.bias is not None
        nn.init.zeros_(conv.bias)
        parts.append(nn.Sequential(conv, nn.BatchNorm1d(after), shape.activation()))
        parts.append(nn.MaxPool1d(pool))
    return nn.Sequential(*parts)
