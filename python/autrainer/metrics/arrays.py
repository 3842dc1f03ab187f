"""Truths and predictions as arrays that fit each other."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autrainer.errors import DataError

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]


def paired(y_true: Any, y_pred: Any, *, max_axes: int = 2) -> tuple[Array, Array]:
    """Both sides as arrays.

    Raises:
        DataError: if their shapes differ, or have more axes than allowed.
    """
    truth, prediction = np.asarray(y_true), np.asarray(y_pred)
    if truth.shape != prediction.shape:
        raise DataError(
            f"truths have the shape {truth.shape} and predictions {prediction.shape}; "
            "a metric needs one prediction for each truth"
        )
    if not 1 <= truth.ndim <= max_axes:
        raise DataError(
            f"truths and predictions have the shape {truth.shape}; this metric works on "
            + ("one axis" if max_axes == 1 else f"one to {max_axes} axes")
        )
    return truth, prediction


def paired_masks(y_true: Any, y_pred: Any) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Both sides as masks of shape (N, L).

    Raises:
        DataError: if there is anything but zeros and ones.
    """
    truth, prediction = paired(y_true, y_pred)
    for name, values in (("truths", truth), ("predictions", prediction)):
        if values.dtype != np.bool_ and bool(((values != 0) & (values != 1)).any()):
            raise DataError(f"{name} of a multi-label metric have to be zeros and ones")
    if truth.ndim == 1:
        truth, prediction = truth[:, None], prediction[:, None]
    return truth.astype(np.bool_, copy=False), prediction.astype(np.bool_, copy=False)


def paired_columns(y_true: Any, y_pred: Any) -> tuple[Floats, Floats]:
    """Both sides in float64, with shape (N, T)."""
    truth, prediction = paired(y_true, y_pred)
    if truth.ndim == 1:
        truth, prediction = truth[:, None], prediction[:, None]
    return truth.astype(np.float64), prediction.astype(np.float64)
