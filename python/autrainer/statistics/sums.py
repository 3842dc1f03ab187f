"""Metrics as functions of sums over samples, so that a thousand resamples are one matrix product.

A resample takes every group of samples some number of times. Where a metric depends on sums over
samples alone, such as counts of hits, these sums are the numbers times the sums of the groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autrainer.metrics.arrays import paired_columns, paired_masks
from autrainer.metrics.classification import accuracy, macro_f1, unweighted_average_recall
from autrainer.metrics.multi_label import exact_match, f1_macro, f1_micro, f1_weighted
from autrainer.metrics.regression import (
    concordance,
    mean_absolute_error,
    mean_squared_error,
    pearson,
)

Floats: TypeAlias = npt.NDArray[np.float64]
Metric: TypeAlias = Callable[[Any, Any], float]
"""Called with truths and predictions."""

LARGEST = 50_000_000
"""Numbers that the parts of all samples may have; a metric is called for each resample above."""

_CONSTANT = 1e-13
"""A spread below this share of that of all samples counts as none."""


@dataclass(frozen=True)
class Sums:
    """What a metric needs of samples, and how it comes of sums.

    Args:
        parts: For each of several predictions, what every sample adds: (N, S).
        score: Scores (...) of sums (..., S).
    """

    parts: list[Floats]
    score: Callable[[Floats], Floats]


def sums_of(metric: Metric, truth: Any, predictions: Sequence[Any]) -> Sums | None:
    """The sums of a metric; None for one that is not known, or where they would be too many.

    Args:
        metric: A function of `autrainer.metrics`, as in `AbstractMetric.fn`.
        truth: Truths, as the metric takes them.
        predictions: Several predictions of these samples.
    """
    if metric in _LABELS:
        return _of_labels(_LABELS[metric], truth, predictions)
    if metric in _SETS:
        pairs = [paired_masks(truth, each) for each in predictions]
        return _of_masks(_SETS[metric], pairs)
    if metric in _VALUES:
        return _of_values(_VALUES[metric], truth, predictions)
    return None


def _of_labels(score: Any, truth: Any, predictions: Sequence[Any]) -> Sums | None:
    sides = [np.asarray(truth), *map(np.asarray, predictions)]
    labels, codes = np.unique(np.concatenate(sides), return_inverse=True)
    if 3 * len(labels) * len(sides[0]) > LARGEST:
        return None
    masks = codes.reshape(len(sides), -1)[:, :, None] == np.arange(len(labels))
    return _of_masks(score, [(masks[0], mask) for mask in masks[1:]])


def _of_masks(score: Any, pairs: Sequence[tuple[Any, Any]]) -> Sums | None:
    num_samples, num_labels = pairs[0][0].shape
    if 3 * num_labels * num_samples > LARGEST:
        return None
    parts = []
    for true, predicted in pairs:
        exact = (true == predicted).all(axis=1, keepdims=True)
        counted = np.ones((num_samples, 1))
        parts.append(np.hstack([true & predicted, true, predicted, exact, counted]).astype(float))

    def of(sums: Floats) -> Floats:
        hits, true, predicted = np.split(sums[..., :-2], 3, axis=-1)
        found: Floats = score(hits, true, predicted, sums[..., -2], sums[..., -1])
        return np.where(sums[..., -1] > 0, found, np.nan)

    return Sums(parts, of)


def _exact(_hits: Floats, _true: Floats, _predicted: Floats, exact: Floats, count: Floats) -> Any:
    return exact / np.maximum(count, 1)


def _recall(hits: Floats, true: Floats, predicted: Floats, *_counts: Floats) -> Any:
    occurs = (true + predicted) > 0
    return _mean_where(hits / np.maximum(true, 1), occurs)


def _f1(hits: Floats, true: Floats, predicted: Floats, *_counts: Floats) -> Any:
    return _mean_where(_f1_each(hits, true, predicted), (true + predicted) > 0)


def _f1_of_sets(hits: Floats, true: Floats, predicted: Floats, *_counts: Floats) -> Any:
    return _f1_each(hits, true, predicted).mean(axis=-1)


def _f1_of_decisions(hits: Floats, true: Floats, predicted: Floats, *_counts: Floats) -> Any:
    return _f1_each(hits.sum(axis=-1), true.sum(axis=-1), predicted.sum(axis=-1))


def _f1_weighted(hits: Floats, true: Floats, predicted: Floats, *_counts: Floats) -> Any:
    weighted = (true * _f1_each(hits, true, predicted)).sum(axis=-1)
    return weighted / np.maximum(true.sum(axis=-1), 1)


def _f1_each(hits: Floats, true: Floats, predicted: Floats) -> Any:
    return 2 * hits / np.maximum(true + predicted, 1)


def _mean_where(values: Floats, occurs: npt.NDArray[np.bool_]) -> Any:
    return np.where(occurs, values, 0).sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1)


def _of_values(score: Any, truth: Any, predictions: Sequence[Any]) -> Sums | None:
    pairs = [paired_columns(truth, each) for each in predictions]
    true = pairs[0][0]
    if not len(true) or 8 * true.size > LARGEST:
        return None
    # Centred, so that little is lost in the differences of squares.
    middle = true.mean(axis=0)
    parts, scales = [], []
    for _, predicted in pairs:
        x, y = true - middle, predicted - middle
        columns = [x, y, x * x, y * y, x * y, np.abs(x - y), (x - y) ** 2]
        parts.append(np.hstack([*columns, np.ones((len(x), 1))]))
        scales.append(np.maximum((x * x).mean(axis=0), (y * y).mean(axis=0)))
    scale = np.max(scales, axis=0)

    def of(sums: Floats) -> Floats:
        count = sums[..., -1:]
        moments = np.split(sums[..., :-1] / np.maximum(count, 1), 7, axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = score(*moments, count, scale).mean(axis=-1)
        return np.where(count[..., 0] > 0, found, np.nan)

    return Sums(parts, of)


def _spreads(x: Floats, y: Floats, xx: Floats, yy: Floats, scale: Floats) -> tuple[Any, Any]:
    """Variances of both sides; 0 where only rounding is left of them."""
    least = _CONSTANT * scale
    var_x, var_y = xx - x * x, yy - y * y
    return np.where(var_x > least, var_x, 0.0), np.where(var_y > least, var_y, 0.0)


def _pearson(*moments: Any) -> Any:
    x, y, xx, yy, xy, _absolute, _squared, n, scale = moments
    var_x, var_y = _spreads(x, y, xx, yy, scale)
    product = np.where((var_x > 0) & (var_y > 0) & (n > 1), var_x * var_y, np.nan)
    return np.clip((xy - x * y) / np.sqrt(product), -1, 1)


def _lin(*moments: Any) -> Any:
    x, y, xx, yy, xy, _absolute, _squared, n, scale = moments
    var_x, var_y = _spreads(x, y, xx, yy, scale)
    total = var_x + var_y + (x - y) ** 2
    covariance = np.where((var_x > 0) & (var_y > 0), xy - x * y, 0.0)
    return 2 * covariance / np.where((total > 0) & (n > 1), total, np.nan)


def _absolute(*moments: Any) -> Any:
    return moments[5]


def _squared(*moments: Any) -> Any:
    return moments[6]


_LABELS: dict[Any, Any] = {
    accuracy: _exact,
    unweighted_average_recall: _recall,
    macro_f1: _f1,
}
_SETS: dict[Any, Any] = {
    exact_match: _exact,
    f1_macro: _f1_of_sets,
    f1_micro: _f1_of_decisions,
    f1_weighted: _f1_weighted,
}
_VALUES: dict[Any, Any] = {
    pearson: _pearson,
    concordance: _lin,
    mean_absolute_error: _absolute,
    mean_squared_error: _squared,
}
