"""A table of results as CSV, written by the core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autrainer import _core
from autrainer.errors import DataError
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
from autrainer.runs.writing.files import find_numpy, with_folder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from autrainer.runs.writing.files import StrPath


def write_results(
    path: StrPath,
    indices: npt.NDArray[np.int64],
    predictions: Predictions,
    names: Sequence[str],
    probabilities: npt.NDArray[Any],
    beside: Sequence[tuple[str, Column]] = (),
) -> None:
    """Write a table of results as CSV: `index`, `predictions`, others, and one column per name.

    Floats are the shortest text that reads back to the same number of their width, NaN is an empty
    cell. `pandas.read_csv` gives every number back (before pandas 3.1, ask it for
    `float_precision="round_trip"`).

    Args:
        path: The file.
        indices: Positions of the samples in their split, shape (N,).
        predictions: What was predicted for the N samples.
        names: Names of the C columns of probabilities.
        probabilities: Shape (N, C); float32 and float64 are written as they are.
        beside: Names and columns to write between the predictions and the probabilities.

    Raises:
        DataError: if the columns differ in length, or a code names no label.
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    np = find_numpy()
    cells = as_floats(probabilities)
    check_cells(cells, (len(indices), len(names)))
    rows = np.ascontiguousarray(indices, dtype=np.int64)
    columns = [
        (str(name), _column(column)) for name, column in [("predictions", predictions), *beside]
    ]
    _core.write_results(with_folder(path), rows, columns, [str(name) for name in names], cells)


def _column(column: Column) -> tuple[Any, ...]:
    """A column as the Rust core takes it."""
    import numpy as np

    if isinstance(column, Labels):
        codes = np.ascontiguousarray(column.codes, dtype=np.int64)
        return "labels", codes, [str(label) for label in column.labels]
    if isinstance(column, LabelSets):
        mask = np.ascontiguousarray(np.asarray(column.mask) != 0).view(np.uint8)
        return "label_sets", mask, [str(label) for label in column.labels]
    if isinstance(column, Values):
        values = np.asarray(column.values)
        if values.dtype.kind in "biu":
            return "values", np.ascontiguousarray(values, dtype=np.int64)
        return "values", as_floats(values)
    if isinstance(column, ValueLists):
        return "value_lists", as_floats(column.values)
    if isinstance(column, Picked):
        codes = np.ascontiguousarray(column.codes, dtype=np.int64)
        return "coded_texts", codes, column.texts.data, column.texts.offsets
    if isinstance(column, Texts):
        return "texts", [str(text) for text in column.texts]
    raise DataError(
        f"a column is of type {type(column).__name__}; use a class of "
        "autrainer.runs.writing.columns"
    )


def check_cells(cells: npt.NDArray[Any], shape: tuple[int, int]) -> None:
    """Refuse probabilities that do not have a row for each sample and a column for each name.

    Raises:
        DataError: if so.
    """
    if cells.shape != shape:
        raise DataError(
            f"probabilities have shape {cells.shape}; {shape[0]} rows and {shape[1]} names ask for "
            f"{shape}"
        )


def as_floats(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Contiguous float32 or float64: the width that holds the values exactly."""
    import numpy as np

    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise DataError(f"numbers of a table are of dtype {values.dtype}; use float32 or float64")
    narrow = values.dtype.kind == "f" and values.dtype.itemsize <= 4
    return np.ascontiguousarray(values, dtype=np.float32 if narrow else np.float64)
