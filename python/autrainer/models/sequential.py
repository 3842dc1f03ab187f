"""A recurrent network with a feed-forward head."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel, refuse_transfer
from autrainer.models.ffnn import FFNN

_CELLS = {"LSTM": nn.LSTM, "GRU": nn.GRU}


class SequenceBackbone(nn.Module):
    """LSTM or GRU: (B, T, F) to (B, H), the mean over time, or (B, T, H).

    Args:
        input_dim: Number of features F.
        hidden_size: Width of the cells; H is twice that if bidirectional.
        num_layers: Number of layers.
        dropout: Between layers.
        cell: `LSTM` or `GRU`.
        time_pooling: Take the mean over time.
        bidirectional: Read sequences both ways.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_size: int,
        num_layers: int,
        *,
        dropout: float,
        cell: str,
        time_pooling: bool,
        bidirectional: bool,
    ) -> None:
        super().__init__()
        if cell not in _CELLS:
            raise ConfigError(f"the recurrent cell is {cell!r}; use 'LSTM' or 'GRU'")
        self.model = _CELLS[cell](
            input_size=input_dim,
            hidden_size=hidden_size,
            num_layers=num_layers,
            # There is nothing between the layers of one layer; torch would warn.
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
            batch_first=True,
        )
        self.time_pooling = time_pooling
        self.output_dim = hidden_size * (2 if bidirectional else 1)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Run the cells over the sequences, as far as they are long."""
        if x.dim() == 4:
            x = x.squeeze(1)
        if lengths is None:
            outputs: torch.Tensor = self.model(x)[0]
            return outputs.mean(dim=1) if self.time_pooling else outputs
        # Frames are filled up behind the end; read backwards, they would come first.
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        outputs, _ = pad_packed_sequence(
            self.model(packed)[0], batch_first=True, total_length=x.shape[1]
        )
        if not self.time_pooling:
            return outputs
        return outputs.sum(dim=1) / lengths.to(outputs.device, outputs.dtype)[:, None]


class SeqFFNN(AbstractModel):
    """LSTM or GRU, mean over time, then an `FFNN`: (B, T, F) or (B, 1, T, F) to (B, K).

    Args:
        output_dim: Number of outputs K.
        backbone_input_dim: Number of features F of a frame.
        backbone_hidden_size: Width of the cells.
        backbone_num_layers: Number of recurrent layers.
        hidden_size: Width of the head.
        num_layers: Number of linear layers of the head.
        dropout: Share of hidden values that the head drops.
        backbone_dropout: The same between recurrent layers.
        backbone_cell: `LSTM` or `GRU`.
        backbone_time_pooling: Take the mean over time; otherwise there are outputs per frame.
        backbone_bidirectional: Read sequences both ways.
        transfer: Nothing to transfer here; leave it out.
    """

    def __init__(
        self,
        output_dim: int,
        backbone_input_dim: int,
        backbone_hidden_size: int,
        backbone_num_layers: int,
        hidden_size: int,
        num_layers: int = 2,
        dropout: float = 0.5,
        backbone_dropout: float = 0.5,
        backbone_cell: str = "LSTM",
        backbone_time_pooling: bool = True,
        backbone_bidirectional: bool = False,
        transfer: bool | str | None = None,
    ) -> None:
        super().__init__(output_dim, transfer)
        refuse_transfer(self)
        self.backbone_input_dim = backbone_input_dim
        self.backbone_hidden_size = backbone_hidden_size
        self.backbone_num_layers = backbone_num_layers
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.backbone_dropout = backbone_dropout
        self.backbone_cell = backbone_cell
        self.backbone_time_pooling = backbone_time_pooling
        self.backbone_bidirectional = backbone_bidirectional
        self.backbone = SequenceBackbone(
            backbone_input_dim,
            backbone_hidden_size,
            backbone_num_layers,
            dropout=backbone_dropout,
            cell=backbone_cell,
            time_pooling=backbone_time_pooling,
            bidirectional=backbone_bidirectional,
        )
        self.frontend = FFNN(output_dim, self.backbone.output_dim, hidden_size, num_layers, dropout)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Outputs (B, K); of padded sequences, the frames that `lengths` counts."""
        outputs: torch.Tensor = self.frontend(self.embeddings(features, lengths))
        return outputs

    def embeddings(
        self, features: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What the recurrent part gives: (B, H), or (B, T, H) without time pooling."""
        embeddings: torch.Tensor = self.backbone(features, lengths)
        return embeddings
