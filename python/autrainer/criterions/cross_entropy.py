"""Criterions of classification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from autrainer.criterions.weights import (
    CriterionData,
    balanced_weights,
    class_frequencies,
    given_weights,
    names_of,
)


class CrossEntropyLoss(nn.CrossEntropyLoss):
    """Torch's cross entropy of logits (N, C) against codes (N,) or probabilities (N, C).

    Takes torch's arguments. With the reduction "none", which the trainer asks for, class weights
    scale the loss of each sample; the mean over a batch is not divided by their sum.
    """

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss; codes may come in any dtype."""
        return super().forward(x, y.long() if y.dim() == 1 else y.to(x.dtype))


class BalancedCrossEntropyLoss(CrossEntropyLoss):
    """Cross entropy with classes weighted by the inverse of their frequency; weights sum to C.

    Takes torch's arguments.
    """

    def setup(self, data: CriterionData) -> None:
        """Take the weights from the train samples.

        Raises:
            DataError: if there is no train sample of a class.
        """
        names = names_of(data.target_transform, "labels")
        self.weight = balanced_weights(class_frequencies(data), names)


class WeightedCrossEntropyLoss(BalancedCrossEntropyLoss):
    """Cross entropy with classes weighted by hand; weights are scaled to sum to C.

    Args:
        class_weights: A number above zero for every label.
        **kwargs: Torch's arguments.
    """

    def __init__(self, class_weights: Mapping[Any, float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.class_weights = class_weights

    def setup(self, data: CriterionData) -> None:
        """Bring the weights into the order of the classes.

        Raises:
            ConfigError: if a label has no weight.
        """
        names = names_of(data.target_transform, "labels")
        self.weight = given_weights("class_weights", self.class_weights, names)
