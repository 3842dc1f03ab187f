"""Audio spectrogram transformer."""

# B batch, T frames, F mel bands, D width, K outputs.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from autrainer.models.base import AbstractModel
from autrainer.models.weights.hub import build_hub_model, plain_config

MODEL_TYPE = "audio-spectrogram-transformer"


class ASTModel(AbstractModel):
    """Audio spectrogram transformer and two linear layers: (B, 1024, 128) to (B, K).

    Gong, Chung and Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021.
    `FeatureExtractor` with `fe_type: AST` makes such spectrograms, of 10 seconds.

    Args:
        output_dim: Number of outputs K.
        num_hidden_layers: Number of layers of the transformer.
        hidden_size: Width of the layer before the outputs.
        dropout: Share of its values that training drops.
        transfer: Name in the Hugging Face hub, `name@revision`, or folder of pretrained weights.
        config: Configuration of the model, as in `config.json`; kept with a trained model.

    Raises:
        MissingExtraError: if transformers is not installed.
    """

    def __init__(
        self,
        output_dim: int,
        num_hidden_layers: int = 12,
        hidden_size: int = 128,
        dropout: float = 0.5,
        transfer: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(output_dim, transfer)
        self.num_hidden_layers = num_hidden_layers
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.model: Any = build_hub_model(
            transfer or MODEL_TYPE,
            type(self).__name__,
            transfer=bool(transfer),
            config={**(config or {}), "model_type": MODEL_TYPE},
            num_hidden_layers=num_hidden_layers,
        )
        self.config = plain_config(self.model)
        self.out = nn.Sequential(
            nn.Linear(self.model.config.hidden_size, hidden_size),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, output_dim),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.out(self.embeddings(features))
        return outputs

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """Means over all tokens of the last layer: (B, D)."""
        if features.dim() == 4 and features.shape[1] == 1:
            features = features.squeeze(1)
        hidden: torch.Tensor = self.model(features).last_hidden_state
        return hidden.mean(dim=1)
