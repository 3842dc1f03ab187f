"""Metrics of single labels."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autrainer.metrics.arrays import Array, paired
from autrainer.metrics.base import BaseAscendingMetric

# Codes up to this multiple of the number of samples are counted directly; others are sorted.
_DENSE = 4


class Accuracy(BaseAscendingMetric):
    """Share of samples that are predicted correctly."""

    def __init__(self) -> None:
        super().__init__(name="accuracy", fn=accuracy)


class UAR(BaseAscendingMetric):
    """Unweighted average recall: mean recall of the labels that occur in truth or prediction.

    A label that is predicted and never true has a recall of 0.
    """

    def __init__(self) -> None:
        super().__init__(name="uar", fn=unweighted_average_recall)


class F1(BaseAscendingMetric):
    """Mean F-score of the labels that occur in truth or prediction."""

    def __init__(self) -> None:
        super().__init__(name="f1", fn=macro_f1)


class LabelCounts(NamedTuple):
    """Counts of every label that occurs in truth or prediction.

    Args:
        hits: Samples where it is true and predicted.
        true: Samples where it is true.
        predicted: Samples where it is predicted.
    """

    hits: npt.NDArray[np.int64]
    true: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]


def accuracy(y_true: Any, y_pred: Any) -> float:
    """`mean(y_true == y_pred)`; NaN without samples."""
    truth, prediction = paired(y_true, y_pred, max_axes=1)
    return float((truth == prediction).mean()) if len(truth) else math.nan


def unweighted_average_recall(y_true: Any, y_pred: Any) -> float:
    """`mean_k(hits_k / true_k)`, with 0 for a label that is never true; NaN without samples."""
    counts = count_labels(*paired(y_true, y_pred, max_axes=1))
    return _mean(counts.hits / np.maximum(counts.true, 1))


def macro_f1(y_true: Any, y_pred: Any) -> float:
    """`mean_k(2 hits_k / (true_k + predicted_k))`; NaN without samples."""
    counts = count_labels(*paired(y_true, y_pred, max_axes=1))
    return _mean(2 * counts.hits / (counts.true + counts.predicted))


def count_labels(truth: Array, prediction: Array) -> LabelCounts:
    """Counts per label, for codes and for labels of any other kind."""
    truth, prediction, num_labels = _as_codes(truth, prediction)
    true = np.bincount(truth, minlength=num_labels)
    predicted = np.bincount(prediction, minlength=num_labels)
    hits = np.bincount(truth[truth == prediction], minlength=num_labels)
    occurs = (true + predicted) > 0
    return LabelCounts(hits[occurs], true[occurs], predicted[occurs])


def _as_codes(truth: Array, prediction: Array) -> tuple[Array, Array, int]:
    if len(truth) and truth.dtype.kind in "iub" and prediction.dtype.kind in "iub":
        lowest = min(int(truth.min()), int(prediction.min()))
        highest = max(int(truth.max()), int(prediction.max()))
        if lowest >= 0 and highest < _DENSE * len(truth) + 1024:
            return truth.astype(np.int64), prediction.astype(np.int64), highest + 1
    labels, codes = np.unique(np.concatenate([truth, prediction]), return_inverse=True)
    return codes[: len(truth)], codes[len(truth) :], len(labels)


def _mean(scores: npt.NDArray[np.float64]) -> float:
    return float(scores.mean()) if len(scores) else math.nan
