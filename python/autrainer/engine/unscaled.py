"""Scores in the units of the targets, where the model works on scaled ones."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from autrainer.data.targets import AbstractTargetTransform
from autrainer.datasets.tables.strata import TOTAL
from autrainer.engine.interfaces import Array, Strata
from autrainer.metrics.base import AbstractMetric
from autrainer.runs.layout import UNSCALED
from autrainer.runs.writing.columns import ValueLists, Values

log = logging.getLogger(__name__)


class ScaledData(Protocol):
    """What is looked at of a dataset."""

    task: str
    target_column: str | list[str]
    metrics: list[AbstractMetric]

    @property
    def target_transform(self) -> AbstractTargetTransform:
        """Encodes the targets."""


class UnscaledScores:
    """Computes metrics of regression once more, of targets and predictions as the data have them.

    There is nothing to compute where the target transform does not change numbers, and none of
    metrics that do not change if it only shifts and scales them.

    Args:
        data: The dataset.
    """

    def __init__(self, data: ScaledData) -> None:
        self._data = data
        self._refused: set[str] = set()

    @property
    def note(self) -> str:
        """What the names of these scores mean."""
        columns = self._data.target_column
        named = [columns] if isinstance(columns, str) else columns
        if len(named) == 1:
            return f"unscaled: in the unit of {named[0]!r}"
        return "unscaled: each in the unit of its target"

    def of(self, targets: Array, predictions: Array, strata: Strata) -> dict[str, dict[Any, float]]:
        """Scores by name and part, as `score_parts` gives them.

        With several targets there is one of each, and none of all: they may have different units.

        Args:
            targets: Encoded targets, shape (N,) or (N, T).
            predictions: Encoded predictions, the same shape.
            strata: For each stratum, which of the N samples belong to it.
        """
        in_units = self._in_units(targets, predictions)
        if in_units is None:
            return {}
        is_affine = self._data.target_transform.is_affine
        taken = {metric.name for metric in self._data.metrics}
        found: dict[str, dict[Any, float]] = {}
        for metric in self._data.metrics:
            name = f"{metric.name}{UNSCALED}"
            is_other = not (metric.is_scale_free and is_affine) and name not in taken
            if is_other and metric.name not in self._refused:
                parts = self._parts(metric, *in_units, strata)
                found |= {name: parts} if parts else {}
        return found

    def _in_units(self, targets: Array, predictions: Array) -> tuple[Array, Array] | None:
        """Both sides as numbers in their own unit; None where they are no others than before."""
        if not self._data.task.endswith("regression") or targets.shape != predictions.shape:
            return None
        decode = self._data.target_transform.decode_array
        truths, guesses = (decode(values) for values in (targets, predictions))
        if not (isinstance(truths, (Values, ValueLists)) and isinstance(guesses, type(truths))):
            return None
        sides = np.asarray(truths.values), np.asarray(guesses.values)
        if sides[0].shape != targets.shape or sides[1].shape != targets.shape:
            return None
        same = np.array_equal(sides[0], targets) and np.array_equal(
            sides[1], predictions, equal_nan=True
        )
        return None if same else sides

    def _parts(
        self, metric: AbstractMetric, truths: Array, guesses: Array, strata: Strata
    ) -> dict[Any, float]:
        columns = self._data.target_column
        values: dict[Any, float] = {}
        try:
            for position, column in enumerate(columns if isinstance(columns, list) else ()):
                values[column] = float(metric.unitary(truths[:, position], guesses[:, position]))
            if len(values) < 2:
                values[TOTAL] = float(metric(truths, guesses))
                for stratum, members in strata.items():
                    values[stratum] = float(metric(truths[members], guesses[members]))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # A metric of the user's own may be made for scaled values; those it does score.
            self._refused.add(metric.name)
            log.warning(
                "%s cannot be computed in the unit of the targets (%s); the scaled one stands",
                metric.name,
                error,
            )
            return {}
        return values


def flat(parts: Mapping[str, Mapping[Any, float]]) -> dict[str, float]:
    """Scores of a whole split by one name each: `mae_unscaled`, or `mae_unscaled.<target>`."""
    scores = {}
    for name, values in parts.items():
        if TOTAL in values:
            scores[name] = values[TOTAL]
        else:
            scores |= {f"{name}.{target}": value for target, value in values.items()}
    return scores


def unscaled_names(metric: str, names: Iterable[str]) -> list[str]:
    """Those of some names that `flat` gives to the scores of a metric."""
    whole = f"{metric}{UNSCALED}"
    return [name for name in names if name == whole or name.startswith(f"{whole}.")]


def interleaved(scaled: Mapping[str, float], unscaled: Mapping[str, float]) -> dict[str, float]:
    """All scores, those in the units of the targets before the scaled one of the same metric.

    >>> interleaved({"mae": 0.1, "dev_loss": 0.2}, {"mae_unscaled": 8.0})
    {'mae_unscaled': 8.0, 'mae': 0.1, 'dev_loss': 0.2}
    """
    merged: dict[str, float] = {}
    for name, value in scaled.items():
        merged |= {key: unscaled[key] for key in unscaled_names(name, unscaled)}
        merged[name] = value
    return merged
