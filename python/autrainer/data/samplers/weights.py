"""Weights by which samples are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autrainer.errors import DataError


def checked_weights(weights: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Weights of samples as float64, shape (N,).

    Raises:
        DataError: if they are not one number from zero on for each sample, or all are zero.
    """
    try:
        checked = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"weights have to be numbers: {error}") from error
    if checked.ndim != 1 or len(checked) == 0:
        raise DataError(f"weights have shape {checked.shape}; give one for each sample")
    wrong = np.flatnonzero(~((checked >= 0) & (checked < np.inf)))
    if len(wrong):
        raise DataError(
            f"{len(wrong)} weights are no numbers from zero on, the first is "
            f"{checked[wrong[0]]} of sample {wrong[0]}"
        )
    with np.errstate(over="ignore"):
        total = checked.sum()
    if not 0 < total < np.inf:
        raise DataError(f"the sum of weights is {total}; it has to be finite, and not zero")
    return checked


def class_weights(targets: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """A weight for each sample, by which all classes are equally likely, float64, shape (N,).

    Args:
        targets: Class of each sample: numbers or names.

    Raises:
        DataError: if samples do not have one class each.

    >>> class_weights(["cat", "dog", "cat"]).tolist()
    [0.5, 1.0, 0.5]
    """
    classes: npt.NDArray[Any] = np.asarray(targets)
    if classes.ndim != 1 or len(classes) == 0:
        raise DataError(
            f"targets have shape {classes.shape}, and balanced sampling needs one class per "
            "sample; use WeightedSampler"
        )
    if classes.dtype.kind in "fc":
        raise DataError(
            f"targets are {classes.dtype}, so they are no classes; for regression use "
            "WeightedSampler"
        )
    _, positions, counts = np.unique(classes, return_inverse=True, return_counts=True)
    weights: npt.NDArray[np.float64] = (1 / counts)[positions]
    return weights
