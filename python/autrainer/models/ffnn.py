"""A feed-forward network."""

from __future__ import annotations

import torch
from torch import nn

from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel, refuse_transfer


class FFNN(AbstractModel):
    """Linear layers with ReLU and dropout between them: (B, F) to (B, K).

    Args:
        output_dim: Number of outputs K.
        input_size: Number of features F.
        hidden_size: Width of the layers between.
        num_layers: Number of linear layers; with one there are no layers between.
        dropout: Share of hidden values that training drops.
        transfer: Nothing to transfer here; leave it out.
    """

    def __init__(
        self,
        output_dim: int,
        input_size: int,
        hidden_size: int,
        num_layers: int = 2,
        dropout: float = 0.5,
        transfer: bool | str | None = None,
    ) -> None:
        super().__init__(output_dim, transfer)
        refuse_transfer(self)
        if num_layers < 1:
            raise ConfigError(f"FFNN: num_layers is {num_layers}; use 1 or more")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        # Forward goes by these names, so that a module added later changes nothing.
        self._hidden: list[str] = []
        width = input_size
        for index in range(num_layers - 1):
            self._add(f"Linear{index}", nn.Linear(width, hidden_size))
            self._add(f"ReLU{index}", nn.ReLU())
            self._add(f"Dropout{index}", nn.Dropout(dropout))
            width = hidden_size
        self._last = f"Linear{num_layers - 1}"
        self.add_module(self._last, nn.Linear(width, output_dim))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K)."""
        return self._apply_child(self._last, self.embeddings(features))

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """What goes into the last layer: (B, hidden_size); the features if there is no other."""
        for name in self._hidden:
            features = self._apply_child(name, features)
        return features

    def _apply_child(self, name: str, x: torch.Tensor) -> torch.Tensor:
        # Straight from the dictionary: looking names up as attributes shows in small models.
        return self._modules[name](x)  # type: ignore[misc, no-any-return]

    def _add(self, name: str, module: nn.Module) -> None:
        self.add_module(name, module)
        self._hidden.append(name)
