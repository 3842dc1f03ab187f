"""Metrics of values, (N,) or (N, T); several targets give the mean over targets.

They are taken where the model works, on scaled targets: MSE and MAE are in scaled units. A run
computes those that are not scale-free once more, on targets and predictions in their own unit.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from autrainer.metrics.arrays import Floats, paired_columns
from autrainer.metrics.base import BaseAscendingMetric, BaseDescendingMetric


class PCC(BaseAscendingMetric):
    """Pearson's correlation coefficient."""

    is_scale_free: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(name="pcc", fn=pearson)


class CCC(BaseAscendingMetric):
    """Concordance correlation coefficient."""

    is_scale_free: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(name="ccc", fn=concordance)


class MSE(BaseDescendingMetric):
    """Mean squared error, of the scaled values."""

    def __init__(self) -> None:
        super().__init__(name="mse", fn=mean_squared_error)


class MAE(BaseDescendingMetric):
    """Mean absolute error, of the scaled values."""

    def __init__(self) -> None:
        super().__init__(name="mae", fn=mean_absolute_error)


def pearson(y_true: Any, y_pred: Any) -> float:
    """`sum(ab) / sqrt(sum(a^2) sum(b^2))` of the centred values a and b.

    NaN with fewer than two samples, and where a side is constant.
    """
    truth, prediction = paired_columns(y_true, y_pred)
    if len(truth) < 2 or _has_constant(truth) or _has_constant(prediction):
        return math.nan
    # Scaled to a spread of one, so that squares of tiny values do not vanish.
    a, b = (
        _centred(truth) / np.ptp(truth, axis=0),
        _centred(prediction) / np.ptp(prediction, axis=0),
    )
    covariance = (a * b).sum(axis=0)
    scores = covariance / np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    return float(np.clip(scores, -1, 1).mean())


def concordance(y_true: Any, y_pred: Any) -> float:
    """`2 sum(ab) / (sum(a^2) + sum(b^2) + n (mean(y_true) - mean(y_pred))^2)`.

    a and b are the centred values. NaN with fewer than two samples, and where the denominator is
    zero: both sides are the same constant. Reference: Lin, "A concordance correlation coefficient
    to evaluate reproducibility", Biometrics 45, 1989.
    """
    truth, prediction = paired_columns(y_true, y_pred)
    if len(truth) < 2:
        return math.nan
    a, b = _centred(truth), _centred(prediction)
    shift = truth.mean(axis=0) - prediction.mean(axis=0)
    denominator = (a * a).sum(axis=0) + (b * b).sum(axis=0) + len(truth) * shift**2
    same = (np.ptp(truth, axis=0) == 0) & (truth == prediction).all(axis=0)
    denominator = np.where(same, np.nan, denominator)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float((2 * (a * b).sum(axis=0) / denominator).mean())


def mean_squared_error(y_true: Any, y_pred: Any) -> float:
    """`mean((y_true - y_pred)^2)`; NaN without samples."""
    truth, prediction = paired_columns(y_true, y_pred)
    return float(np.square(truth - prediction).mean()) if truth.size else math.nan


def mean_absolute_error(y_true: Any, y_pred: Any) -> float:
    """`mean(|y_true - y_pred|)`; NaN without samples."""
    truth, prediction = paired_columns(y_true, y_pred)
    return float(np.abs(truth - prediction).mean()) if truth.size else math.nan


def _centred(values: Floats) -> Floats:
    centred: Floats = values - values.mean(axis=0)
    return centred


def _has_constant(values: Floats) -> bool:
    # By its spread: the mean of a constant is not always that constant to the last bit.
    return bool((np.ptp(values, axis=0) == 0).any())
