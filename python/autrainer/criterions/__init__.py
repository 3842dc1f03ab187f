"""Criterions: what a model is trained to make small."""

from autrainer.criterions.bce import (
    BalancedBCEWithLogitsLoss,
    BCEWithLogitsLoss,
    WeightedBCEWithLogitsLoss,
)
from autrainer.criterions.cross_entropy import (
    BalancedCrossEntropyLoss,
    CrossEntropyLoss,
    WeightedCrossEntropyLoss,
)
from autrainer.criterions.mse import MSELoss, WeightedMSELoss

__all__ = [
    "BCEWithLogitsLoss",
    "BalancedBCEWithLogitsLoss",
    "BalancedCrossEntropyLoss",
    "CrossEntropyLoss",
    "MSELoss",
    "WeightedBCEWithLogitsLoss",
    "WeightedCrossEntropyLoss",
    "WeightedMSELoss",
]
