"""Criterions of multi-label classification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from autrainer.criterions.weights import (
    CriterionData,
    balanced_weights,
    given_weights,
    label_frequencies,
    names_of,
    weighted_loss,
)


class BCEWithLogitsLoss(nn.BCEWithLogitsLoss):
    """Torch's binary cross entropy of logits (N, L) against zeros and ones of any dtype.

    Takes torch's arguments.
    """

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss."""
        return super().forward(x, y.to(x.dtype))


class BalancedBCEWithLogitsLoss(BCEWithLogitsLoss):
    """Binary cross entropy with labels weighted by the inverse of their frequency; sum L.

    Args:
        weight: As in torch.
        reduction: `none`, `mean` or `sum`.
    """

    weights_buffer: torch.Tensor | None

    def __init__(self, weight: torch.Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(weight=weight, reduction=reduction)
        self.register_buffer("weights_buffer", None)

    def setup(self, data: CriterionData) -> None:
        """Take the weights from the train samples.

        Raises:
            DataError: if no train sample has a label.
        """
        names = names_of(data.target_transform, "labels")
        self.weights_buffer = balanced_weights(label_frequencies(data), names)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The weighted loss."""
        return weighted_loss(self._elementwise, x, y, self.weights_buffer, self.reduction)

    def _elementwise(self, x: torch.Tensor, y: torch.Tensor, reduction: str) -> torch.Tensor:
        return binary_cross_entropy_with_logits(
            x, y.to(x.dtype), weight=self.weight, reduction=reduction
        )


class WeightedBCEWithLogitsLoss(BalancedBCEWithLogitsLoss):
    """Binary cross entropy with labels weighted by hand; weights are scaled to sum to L.

    Args:
        class_weights: A number above zero for every label.
        **kwargs: Arguments of `BalancedBCEWithLogitsLoss`.
    """

    def __init__(self, class_weights: Mapping[Any, float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.class_weights = class_weights

    def setup(self, data: CriterionData) -> None:
        """Bring the weights into the order of the labels.

        Raises:
            ConfigError: if a label has no weight.
        """
        names = names_of(data.target_transform, "labels")
        self.weights_buffer = given_weights("class_weights", self.class_weights, names)
