"""The table of results in one of three formats: CSV, Parquet, Arrow."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from autrainer.errors import DataError
from autrainer.runs.columns import Labels, LabelSets, Predictions, Texts, ValueLists, Values
from autrainer.runs.extras import require
from autrainer.runs.files import as_floats, write_by_name, write_results

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

CHUNK_BYTES = 32 * 2**20
"""About as much of a table is converted at once, and makes up a row group of Parquet."""

TEXT_COLUMNS = ("predictions", "predictions.list.element")
"""What Parquet calls the column of predictions, and that of lists of them."""

LEAST_ROWS = 1024
"""Of a piece, however wide the table."""


def require_library(table_format: str) -> None:
    """Look for the library that writes a format.

    Raises:
        MissingExtraError: if it is not installed.
    """
    if table_format != "csv":
        require("pyarrow", f"outputs_format: {table_format}", "pyarrow", "arrow")


def write_table(
    path: str | os.PathLike[str],
    table_format: str,
    indices: npt.NDArray[np.int64],
    predictions: Predictions,
    names: Sequence[str],
    probabilities: Array,
) -> None:
    """Write a table of results: `index`, `predictions` and one column per name.

    In every format the numbers are the same, bit for bit. Parquet and Arrow keep their widths, NaN
    where CSV has an empty cell, and lists where CSV has their text. They are written in pieces, so
    that memory does not grow with the table.

    Args:
        path: The file.
        table_format: `csv`, `parquet` or `arrow`.
        indices: Positions of the samples in their split, shape (N,).
        predictions: What was predicted for the N samples.
        names: Names of the C columns of probabilities.
        probabilities: Shape (N, C); float32 and float64 are written as they are.

    Raises:
        DataError: if the columns differ in length, or a code names no label.
        MissingExtraError: if the library of the format is not installed.
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    if table_format == "csv":
        write_results(path, indices, predictions, names, probabilities)
        return
    require_library(table_format)
    cells = as_floats(probabilities)
    _check(predictions, (len(indices), len(names)), cells)
    schema = _schema(predictions, names, cells)

    def fill(sibling: str) -> None:
        with _writer(sibling, table_format, schema) as writer:
            for batch in _batches(schema, indices, predictions, cells):
                writer.write_batch(batch)

    write_by_name(path, fill)


def _writer(path: str, table_format: str, schema: Any) -> Any:
    if table_format == "parquet":
        from pyarrow.parquet import ParquetWriter

        # A dictionary of numbers that hardly repeat takes five times as long and saves nothing.
        return ParquetWriter(path, schema, use_dictionary=list(TEXT_COLUMNS))
    import pyarrow

    return pyarrow.ipc.new_file(path, schema)


def _schema(predictions: Predictions, names: Sequence[str], cells: Array) -> Any:
    import pyarrow

    columns = [("index", pyarrow.int64()), ("predictions", _type(predictions))]
    number = pyarrow.from_numpy_dtype(cells.dtype)
    return pyarrow.schema([*columns, *((str(name), number) for name in names)])


def _type(predictions: Predictions) -> Any:
    import pyarrow

    if isinstance(predictions, (Labels, Texts)):
        return pyarrow.string()
    if isinstance(predictions, LabelSets):
        return pyarrow.list_(pyarrow.string())
    number = pyarrow.from_numpy_dtype(_numbers(predictions).dtype)
    return number if isinstance(predictions, Values) else pyarrow.list_(number)


def _batches(schema: Any, indices: Array, predictions: Predictions, cells: Array) -> Iterator[Any]:
    import numpy as np
    import pyarrow

    rows_per_chunk = max(LEAST_ROWS, CHUNK_BYTES // (cells.itemsize * (cells.shape[1] + 2)))
    for start in range(0, len(indices), rows_per_chunk):
        rows = slice(start, start + rows_per_chunk)
        columns = np.ascontiguousarray(cells[rows].T)
        arrays = [
            pyarrow.array(np.ascontiguousarray(indices[rows], dtype=np.int64)),
            _column(predictions, rows),
            *(pyarrow.array(column) for column in columns),
        ]
        yield pyarrow.record_batch(arrays, schema=schema)


def _column(predictions: Predictions, rows: slice) -> Any:
    """The predictions of some rows."""
    import numpy as np
    import pyarrow

    if isinstance(predictions, Texts):
        return pyarrow.array([str(text) for text in predictions.texts[rows]], pyarrow.string())
    if isinstance(predictions, Labels):
        return _labels(predictions.labels).take(pyarrow.array(predictions.codes[rows]))
    if isinstance(predictions, LabelSets):
        mask = np.asarray(predictions.mask)[rows] != 0
        chosen = _labels(predictions.labels).take(pyarrow.array(np.nonzero(mask)[1]))
        return _lists(mask.sum(axis=1), chosen)
    values = _numbers(predictions)[rows]
    if isinstance(predictions, Values):
        return pyarrow.array(values)
    return _lists(np.full(len(values), values.shape[1]), pyarrow.array(values.reshape(-1)))


def _labels(labels: Sequence[Any]) -> Any:
    import pyarrow

    return pyarrow.array([str(label) for label in labels], pyarrow.string())


def _lists(lengths: Array, values: Any) -> Any:
    import numpy as np
    import pyarrow

    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pyarrow.ListArray.from_arrays(pyarrow.array(offsets), values)


def _numbers(predictions: Values | ValueLists) -> Array:
    """Integers as int64, all others as float32 or float64, as CSV takes them."""
    import numpy as np

    values = np.asarray(predictions.values)
    if isinstance(predictions, Values) and values.dtype.kind in "biu":
        return np.ascontiguousarray(values, dtype=np.int64)
    return as_floats(values)


def _check(predictions: Predictions, shape: tuple[int, int], cells: Array) -> None:
    """What the Rust core checks of a CSV table."""
    if cells.shape != shape:
        raise DataError(
            f"probabilities have shape {cells.shape}; {shape[0]} rows and {shape[1]} names ask for "
            f"{shape}"
        )
    (column,) = (value for name, value in vars(predictions).items() if name != "labels")
    if len(column) != shape[0]:
        raise DataError(f"there are {len(column)} predictions for {shape[0]} rows")
    if isinstance(predictions, Labels):
        _check_codes(predictions)


def _check_codes(predictions: Labels) -> None:
    import numpy as np

    codes, num_labels = np.asarray(predictions.codes), len(predictions.labels)
    wrong = np.flatnonzero((codes < 0) | (codes >= num_labels))
    if len(wrong):
        raise DataError(
            f"code {codes[wrong[0]]} in row {wrong[0]} names no label: there are {num_labels} "
            "labels, numbered from 0"
        )
