"""Whisper and a feed-forward head."""

# B batch, D width, K outputs.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from autrainer.models.base import AbstractModel
from autrainer.models.ffnn import FFNN
from autrainer.models.weights.hub import build_hub_model, plain_config


class _Backbone(nn.Module):
    """Whisper, asked for its first token: (B, 80, 3000) to (B, D)."""

    decoder_input_ids: torch.Tensor

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        config: Any = model.config
        # Two of them, as in files of autrainer 0.10; the second one changes nothing at the first.
        start = torch.full((1, 2), config.decoder_start_token_id)
        self.register_buffer("decoder_input_ids", start)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        start = self.decoder_input_ids[:, :1].expand(len(features), 1)
        outputs = self.model(features, decoder_input_ids=start, use_cache=False)
        hidden: torch.Tensor = outputs.last_hidden_state
        return hidden[:, 0]


class WhisperFFNN(AbstractModel):
    """Whisper, then an `FFNN`: spectrograms (B, 80, 3000) to (B, K).

    `FeatureExtractor` with `fe_type: Whisper` makes such spectrograms, of 30 seconds.

    Args:
        output_dim: Number of outputs K.
        model_name: Name in the Hugging Face hub, `name@revision`, or a folder.
        hidden_size: Width of the head.
        num_layers: Number of linear layers of the head.
        dropout: Share of hidden values that the head drops.
        transfer: Take the pretrained weights.
        config: Configuration of the model, as in `config.json`; kept with a trained model.

    Raises:
        MissingExtraError: if transformers is not installed.
    """

    def __init__(
        self,
        output_dim: int,
        model_name: str,
        hidden_size: int,
        num_layers: int = 2,
        dropout: float = 0.5,
        transfer: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(output_dim, transfer)
        self.model_name = model_name
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        model: Any = build_hub_model(
            model_name, type(self).__name__, transfer=bool(transfer), config=config
        )
        self.config = plain_config(model)
        self.backbone = _Backbone(model)
        self.frontend = FFNN(output_dim, model.config.d_model, hidden_size, num_layers, dropout)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.frontend(self.embeddings(features))
        return outputs

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """What the decoder has where its first token begins: (B, D)."""
        embeddings: torch.Tensor = self.backbone(features)
        return embeddings
