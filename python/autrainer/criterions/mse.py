"""Criterions of regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import mse_loss

from autrainer.criterions.weights import CriterionData, given_weights, weighted_loss
from autrainer.errors import ConfigError, DataError


class MSELoss(nn.MSELoss):
    """Torch's squared error of values (N, 1), (N,) or (N, T) against targets (N,) or (N, T).

    Takes torch's arguments.
    """

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss.

        Raises:
            DataError: if the shapes do not go together; they are never broadcast.
        """
        return super().forward(*_paired(x, y))


class WeightedMSELoss(MSELoss):
    """Squared error with targets weighted by hand; weights are scaled to sum to T.

    Args:
        target_weights: A number above zero for every target.
        **kwargs: Torch's arguments.
    """

    weights_buffer: torch.Tensor | None

    def __init__(self, target_weights: Mapping[Any, float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_weights = target_weights
        self.register_buffer("weights_buffer", None)

    def setup(self, data: CriterionData) -> None:
        """Bring the weights into the order of the targets.

        Raises:
            ConfigError: if the dataset has a single target, or weights and targets do not match.
        """
        targets = getattr(data.target_transform, "target", None)
        if not isinstance(targets, (list, tuple)):
            raise ConfigError(
                "WeightedMSELoss weights the targets of multi-target regression, and this dataset "
                f"has target_column {data.target_column!r}; use MSELoss"
            )
        self.weights_buffer = given_weights("target_weights", self.target_weights, targets)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The weighted loss.

        Raises:
            DataError: if the shapes do not go together; they are never broadcast.
        """
        x, y = _paired(x, y)
        return weighted_loss(mse_loss, x, y, self.weights_buffer, self.reduction)


def _paired(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if x.dim() == y.dim() + 1:
        x = x.squeeze(-1)
    if x.shape != y.shape:
        raise DataError(
            f"the model gives values of shape {tuple(x.shape)} and targets have "
            f"{tuple(y.shape)}; the two have to be the same"
        )
    return x, y.to(x.dtype)
