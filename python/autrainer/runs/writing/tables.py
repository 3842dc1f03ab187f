"""The table of results in one of three formats: CSV, Parquet, Arrow."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from autrainer.errors import DataError
from autrainer.runs.extras import require
from autrainer.runs.writing.columns import (
    Column,
    Labels,
    LabelSets,
    Picked,
    Predictions,
    Texts,
    TextTable,
    ValueLists,
    Values,
)
from autrainer.runs.writing.files import write_by_name
from autrainer.runs.writing.results_csv import as_floats, check_cells, write_results

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    NamedColumns = Sequence[tuple[str, Column]]

CHUNK_BYTES = 32 * 2**20
"""About as much of a table is converted at once, and makes up a row group of Parquet."""

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
    beside: Sequence[tuple[str, Column]] = (),
) -> None:
    """Write a table of results: `index`, `predictions`, others, and one column per name.

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
        beside: Names and columns to write between the predictions and the probabilities.

    Raises:
        DataError: if the columns differ in length, or a code names no label.
        MissingExtraError: if the library of the format is not installed.
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    if table_format == "csv":
        write_results(path, indices, predictions, names, probabilities, beside)
        return
    require_library(table_format)
    cells = as_floats(probabilities)
    columns = [("predictions", predictions), *beside]
    check_cells(cells, (len(indices), len(names)))
    for name, column in columns:
        _check(name, column, len(indices))
    schema = _schema(columns, names, cells)
    # Lists are named by their elements. A dictionary of numbers, or of names, that hardly repeat
    # takes five times as long and saves nothing.
    repeating = [name for name, c in columns if isinstance(c, (Labels, LabelSets, Texts))]
    repeating += [f"{name}.list.element" for name in repeating]

    def fill(sibling: str) -> None:
        with _writer(sibling, table_format, schema, repeating) as writer:
            for batch in _batches(schema, indices, columns, cells):
                writer.write_batch(batch)

    write_by_name(path, fill)


def _writer(path: str, table_format: str, schema: Any, repeating: list[str]) -> Any:
    if table_format == "parquet":
        from pyarrow.parquet import ParquetWriter

        return ParquetWriter(path, schema, use_dictionary=repeating or False)
    import pyarrow

    return pyarrow.ipc.new_file(path, schema)


def _schema(columns: NamedColumns, names: Sequence[str], cells: Array) -> Any:
    import pyarrow

    number = pyarrow.from_numpy_dtype(cells.dtype)
    return pyarrow.schema(
        [
            ("index", pyarrow.int64()),
            *((str(name), _type(column)) for name, column in columns),
            *((str(name), number) for name in names),
        ]
    )


def _type(column: Column) -> Any:
    import pyarrow

    if isinstance(column, (Labels, Texts, Picked)):
        return pyarrow.string()
    if isinstance(column, LabelSets):
        return pyarrow.list_(pyarrow.string())
    number = pyarrow.from_numpy_dtype(_numbers(column).dtype)
    return number if isinstance(column, Values) else pyarrow.list_(number)


def _batches(schema: Any, indices: Array, columns: NamedColumns, cells: Array) -> Iterator[Any]:
    import numpy as np
    import pyarrow

    width = cells.shape[1] + len(columns) + 1
    rows_per_chunk = max(LEAST_ROWS, CHUNK_BYTES // (cells.itemsize * width))
    for start in range(0, len(indices), rows_per_chunk):
        rows = slice(start, start + rows_per_chunk)
        arrays = [
            pyarrow.array(np.ascontiguousarray(indices[rows], dtype=np.int64)),
            *(_column(column, rows) for _, column in columns),
            *(pyarrow.array(column) for column in np.ascontiguousarray(cells[rows].T)),
        ]
        yield pyarrow.record_batch(arrays, schema=schema)


def _column(column: Column, rows: slice) -> Any:
    """Some rows of a column."""
    import numpy as np
    import pyarrow

    if isinstance(column, Texts):
        return pyarrow.array([str(text) for text in column.texts[rows]], pyarrow.string())
    if isinstance(column, Labels):
        return _labels(column.labels).take(pyarrow.array(column.codes[rows]))
    if isinstance(column, Picked):
        codes = pyarrow.array(np.ascontiguousarray(column.codes[rows]))
        return _texts(column.texts).take(codes).cast(pyarrow.string())
    if isinstance(column, LabelSets):
        mask = np.asarray(column.mask)[rows] != 0
        chosen = _labels(column.labels).take(pyarrow.array(np.nonzero(mask)[1]))
        return _lists(mask.sum(axis=1), chosen)
    values = _numbers(column)[rows]
    if isinstance(column, Values):
        return pyarrow.array(values)
    return _lists(np.full(len(values), values.shape[1]), pyarrow.array(values.reshape(-1)))


def _texts(texts: TextTable) -> Any:
    """All texts of a table; nothing is copied."""
    import pyarrow

    buffers = [None, pyarrow.py_buffer(texts.offsets), pyarrow.py_buffer(texts.data)]
    return pyarrow.Array.from_buffers(pyarrow.large_string(), len(texts), buffers)


def _labels(labels: Sequence[Any]) -> Any:
    import pyarrow

    return pyarrow.array([str(label) for label in labels], pyarrow.string())


def _lists(lengths: Array, values: Any) -> Any:
    import numpy as np
    import pyarrow

    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pyarrow.ListArray.from_arrays(pyarrow.array(offsets), values)


def _numbers(column: Values | ValueLists) -> Array:
    """Integers as int64, all others as float32 or float64, as CSV takes them."""
    import numpy as np

    values = np.asarray(column.values)
    if isinstance(column, Values) and values.dtype.kind in "biu":
        return np.ascontiguousarray(values, dtype=np.int64)
    return as_floats(values)


def _check(name: str, column: Column, num_rows: int) -> None:
    """What the Rust core checks of a CSV table."""
    if (length := _length(column)) != num_rows:
        raise DataError(f"there are {length} {name} for {num_rows} rows")
    if isinstance(column, Labels):
        _check_codes(column.codes, len(column.labels))
    elif isinstance(column, Picked):
        _check_codes(column.codes, len(column.texts))


def _length(column: Column) -> int:
    if isinstance(column, (Labels, Picked)):
        return len(column.codes)
    if isinstance(column, LabelSets):
        return len(column.mask)
    return len(column.texts) if isinstance(column, Texts) else len(column.values)


def _check_codes(codes: Array, num_labels: int) -> None:
    import numpy as np

    codes = np.asarray(codes)
    wrong = np.flatnonzero((codes < 0) | (codes >= num_labels))
    if len(wrong):
        raise DataError(
            f"code {codes[wrong[0]]} in row {wrong[0]} names no label: there are {num_labels} "
            "labels, numbered from 0"
        )
