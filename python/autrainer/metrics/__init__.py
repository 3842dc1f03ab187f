"""Metrics: scores of predictions against truths."""

from autrainer.metrics.base import AbstractMetric, BaseAscendingMetric, BaseDescendingMetric
from autrainer.metrics.classification import F1, UAR, Accuracy
from autrainer.metrics.multi_label import MLAccuracy, MLF1Macro, MLF1Micro, MLF1Weighted
from autrainer.metrics.regression import CCC, MAE, MSE, PCC

__all__ = [
    "CCC",
    "F1",
    "MAE",
    "MSE",
    "PCC",
    "UAR",
    "AbstractMetric",
    "Accuracy",
    "BaseAscendingMetric",
    "BaseDescendingMetric",
    "MLAccuracy",
    "MLF1Macro",
    "MLF1Micro",
    "MLF1Weighted",
]
