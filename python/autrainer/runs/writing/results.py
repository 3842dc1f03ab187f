"""The table of results of a pass: what was predicted for which sample, and what would be right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from autrainer.runs.writing.columns import (
    Column,
    Labels,
    LabelSets,
    Picked,
    Predictions,
    Texts,
    ValueLists,
    Values,
)
from autrainer.runs.writing.tables import write_table

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]

COLUMN_PREFIX = "probability_"
FIRST_COLUMNS = ("index", "predictions", "target")


class TargetTransform(Protocol):
    """What turns outputs into probabilities, predictions and what they mean."""

    def probabilities_inference(self, outputs: torch.Tensor) -> torch.Tensor:
        """Probabilities, shape (N, C), of raw outputs."""

    def predict_array(self, probabilities: torch.Tensor) -> Array:
        """Encoded predictions, shape (N,) or (N, T)."""

    def decode_array(self, predictions: Array) -> Predictions:
        """What encoded predictions mean."""

    def probability_columns(self, probabilities: torch.Tensor) -> tuple[list[str], Array]:
        """Names and values, shape (N, C), of the probabilities."""


class Samples(Protocol):
    """What a table says of samples besides what came out of the model."""

    def target(self, indices: Array, encoded: Array) -> Column | None:
        """The targets of the samples at some positions as the data have them, if that is known.

        Args:
            indices: Positions in the split, shape (N,).
            encoded: The targets that the model was compared with, shape (N,) or (N, T).
        """

    def names(self, indices: Array) -> tuple[str, Picked] | None:
        """Names of the samples at some positions and what they are called, if they have any."""

    @property
    def target_names(self) -> list[str] | None:
        """Names of the T targets, if there are several."""


@dataclass(frozen=True)
class Saved:
    """What a pass leaves behind: arrays that do not change any more."""

    outputs: Array
    targets: Array
    indices: Array
    losses: Array
    predictions: Array


def write_saved(
    path: Path,
    table_format: str,
    saved: Saved,
    probabilities: torch.Tensor,
    transform: TargetTransform,
    samples: Samples | None,
) -> None:
    """Write the table of a pass; see `write_table`."""
    names, values = transform.probability_columns(probabilities)
    columns = [f"{COLUMN_PREFIX}{name}" for name in names]
    decoded = transform.decode_array(saved.predictions)
    beside = _beside(saved, decoded, samples, columns)
    write_table(path, table_format, saved.indices, decoded, columns, values, beside)


def results_frame(
    saved: Saved, transform: TargetTransform, samples: Samples | None
) -> pd.DataFrame:
    """The table of a pass as a data frame; lists stay lists."""
    import pandas as pd

    probabilities = transform.probabilities_inference(torch.from_numpy(saved.outputs))
    names, values = transform.probability_columns(probabilities)
    frame: pd.DataFrame = pd.DataFrame(values, columns=[f"{COLUMN_PREFIX}{name}" for name in names])
    decoded = transform.decode_array(saved.predictions)
    beside = _beside(saved, decoded, samples, list(frame.columns))
    frame.insert(0, "index", saved.indices)
    for position, (name, column) in enumerate([("predictions", decoded), *beside], start=1):
        frame.insert(position, name, pd.Series(_as_list(column)))
    return frame


def _beside(
    saved: Saved, decoded: Predictions, samples: Samples | None, taken: Sequence[str]
) -> list[tuple[str, Column]]:
    """The columns between predictions and probabilities.

    That of the names is called like the column they come from; `_name` is added if that is taken.
    """
    if samples is None:
        return []
    target = samples.target(saved.indices, saved.targets)
    each = [
        *_each_target("prediction", decoded, samples.target_names),
        *_each_target("target", target, samples.target_names),
    ]
    columns: list[tuple[str, Column]] = [] if target is None else [("target", target)]
    if (named := samples.names(saved.indices)) is not None:
        heading, names = named
        while heading in {*FIRST_COLUMNS, *taken, *(name for name, _ in each)}:
            heading += "_name"
        columns.append((heading, names))
    return columns + each


def _each_target(
    prefix: str, column: Column | None, names: Sequence[str] | None
) -> Iterator[tuple[str, Values]]:
    """Numbers of several targets, a column each."""
    if not isinstance(column, ValueLists) or names is None:
        return
    values = np.asarray(column.values)
    if values.ndim == 2 and values.shape[1] == len(names):
        for name, each in zip(names, np.ascontiguousarray(values.T), strict=True):
            yield f"{prefix}_{name}", Values(each)


def _as_list(column: Column) -> list[Any]:
    """Cells of a column as Python values."""
    if isinstance(column, Labels):
        return [column.labels[code] for code in column.codes.tolist()]
    if isinstance(column, Picked):
        return [column.texts[code] for code in column.codes.tolist()]
    if isinstance(column, LabelSets):
        return [_chosen(column.labels, mask) for mask in column.mask]
    if isinstance(column, (Values, ValueLists)):
        values: list[Any] = np.asarray(column.values).tolist()
        return values
    assert isinstance(column, Texts)
    return list(column.texts)


def _chosen(labels: Sequence[Any], mask: Array) -> list[Any]:
    return [labels[position] for position in np.flatnonzero(mask).tolist()]
