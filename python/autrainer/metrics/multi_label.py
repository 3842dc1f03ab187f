"""Metrics of label sets, given as zeros and ones of shape (N, L)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from autrainer.metrics.arrays import Floats, paired_masks
from autrainer.metrics.base import BaseAscendingMetric


class MLAccuracy(BaseAscendingMetric):
    """Share of samples whose whole label set is predicted correctly."""

    def __init__(self) -> None:
        super().__init__(name="ml-accuracy", fn=exact_match)


class MLF1Macro(BaseAscendingMetric):
    """Mean F-score of all labels."""

    def __init__(self) -> None:
        super().__init__(name="ml-f1-macro", fn=f1_macro)


class MLF1Micro(BaseAscendingMetric):
    """F-score of all decisions taken together."""

    def __init__(self) -> None:
        super().__init__(name="ml-f1-micro", fn=f1_micro)


class MLF1Weighted(BaseAscendingMetric):
    """Mean F-score of all labels, weighted by how often each is true."""

    def __init__(self) -> None:
        super().__init__(name="ml-f1-weighted", fn=f1_weighted)


# All averages agree on a single label: its F-score. So `unitary` is the plain call, except for
# the weighted one, whose weight can be zero; the score is then zero as well.


def exact_match(y_true: Any, y_pred: Any) -> float:
    """`mean_n(all_l(y_true == y_pred))`; NaN without samples."""
    truth, prediction = paired_masks(y_true, y_pred)
    return float((truth == prediction).all(axis=1).mean()) if len(truth) else math.nan


def f1_macro(y_true: Any, y_pred: Any) -> float:
    """`mean_l(2 hits_l / (true_l + predicted_l))`, with 0 for 0 / 0; NaN without samples."""
    truth, prediction = paired_masks(y_true, y_pred)
    return float(_f1(*_counts(truth, prediction)).mean()) if truth.size else math.nan


def f1_micro(y_true: Any, y_pred: Any) -> float:
    """`2 hits / (true + predicted)`, with 0 for 0 / 0; NaN without samples."""
    truth, prediction = paired_masks(y_true, y_pred)
    totals = [counts.sum(keepdims=True) for counts in _counts(truth, prediction)]
    return float(_f1(*totals)[0]) if truth.size else math.nan


def f1_weighted(y_true: Any, y_pred: Any) -> float:
    """`sum_l(true_l F_l) / sum_l(true_l)`, with 0 for 0 / 0; NaN without samples."""
    truth, prediction = paired_masks(y_true, y_pred)
    hits, true, predicted = _counts(truth, prediction)
    scores = _f1(hits, true, predicted)
    return float((true * scores).sum() / max(int(true.sum()), 1)) if truth.size else math.nan


Counts = npt.NDArray[np.int64]


def _counts(
    truth: npt.NDArray[np.bool_], prediction: npt.NDArray[np.bool_]
) -> tuple[Counts, Counts, Counts]:
    return (truth & prediction).sum(axis=0), truth.sum(axis=0), prediction.sum(axis=0)


def _f1(hits: Counts, true: Counts, predicted: Counts) -> Floats:
    # Without a true or predicted sample there are no hits either: 0 / 1 stands for 0 / 0.
    scores: Floats = 2 * hits / np.maximum(true + predicted, 1)
    return scores
