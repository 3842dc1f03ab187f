"""`train.csv` and its siblings: cells as they are written, and the lines that rows stand in."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.data.messages import NUM_NAMED
from autrainer.runs.writing.opening import no_table, refuse_irregular

if TYPE_CHECKING:
    import pandas as pd

EMPTY_NUMBERS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
    *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What pandas takes for an empty cell by default."""

FIRST_LINE = 2
"""Line of the first row: the names of the columns stand in the first."""


def no_columns(header: Sequence[str]) -> Collection[str]:
    """None of some columns."""
    return ()


def read_frame(
    path: Path,
    as_written: Collection[str],
    numbers: Callable[[Sequence[str]], Collection[str]] = no_columns,
) -> pd.DataFrame:
    """The rows of a CSV file.

    Args:
        path: The file.
        as_written: Columns of names and labels. Their cells are texts, `01` and `1` are two of
            them, and only an empty cell is missing. A column in which every cell is a number, or
            every cell a truth value, exactly as Python writes it, holds these instead: nothing is
            lost, and `df["fold"] == 1` works. All other columns are read as pandas reads them.
        numbers: Tells which of the columns are numbers. They are read as float32, which takes half
            the time and memory of wide tables; if a cell is no number, all of them are read as
            pandas reads them, and whoever needs the numbers tells which cell it is.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: naming the file, if it is no table, or no file: a pipe is not waited for.
    """
    import pandas as pd

    refuse_irregular(path)
    try:
        header = list(pd.read_csv(path, nrows=0).columns)
        texts = [name for name in header if name in as_written]
        floats = set(numbers(header)).difference(texts)
        frame = _read(path, header, texts, floats)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise no_table(path, error) from error
    for name in texts:
        kind = _kind_of(frame[name])
        if kind is bool:
            frame[name] = frame[name] == "True"
        elif kind is not None:
            frame[name] = frame[name].astype(kind)
    return frame


def _read(path: Path, header: list[str], texts: list[str], floats: Collection[str]) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    short = {*texts, *floats}
    kinds: dict[str, Any] = {**dict.fromkeys(texts, str), **dict.fromkeys(floats, "float32")}
    try:
        # What float32 does not hold is infinite.
        with np.errstate(over="ignore"):
            frame: pd.DataFrame = pd.read_csv(
                path,
                dtype=kinds,
                keep_default_na=False,
                na_values={name: [""] if name in short else [*EMPTY_NUMBERS] for name in header},
            )
    except ValueError as error:
        if not floats or isinstance(error, (pd.errors.ParserError, UnicodeDecodeError)):
            raise
        return _read(path, header, texts, ())
    return frame


def _kind_of(column: pd.Series[Any]) -> type[Any] | None:
    """`int`, `float` or `bool` if all cells are written as Python writes such values."""
    first = column.head(1).tolist()
    for kind in (int, float, bool):
        # The first cell tells most columns of names from numbers.
        if first and _are_written_as(kind, first):
            return kind if _are_written_as(kind, column.unique().tolist()) else None
    return None


def _are_written_as(kind: type[Any], texts: list[Any]) -> bool:
    if kind is bool:
        return set(texts) <= {"True", "False"}
    try:
        values = [kind(text) for text in texts]
    except (TypeError, ValueError):
        return False
    # Larger ones fit no column of integers; NaN is no number.
    return all(str(v) == text and abs(v) < 2**63 for v, text in zip(values, texts, strict=True))


def wrong_separator(header: Sequence[str]) -> str | None:
    """What separates the cells of a table in place of commas; None if nothing does.

    >>> wrong_separator(["filename;label"]), wrong_separator(["filename", "label"])
    (';', None)
    """
    return next((c for c in ";\t|" if c in header[0]), None) if len(header) == 1 else None


class Listing:
    """Where the rows of a split are listed, to name them in messages.

    Args:
        source: Path of a CSV file whose rows these are, or a description of a frame.
        is_file: Whether it is a file.
    """

    def __init__(self, source: str, *, is_file: bool = False) -> None:
        self.source = source
        self.is_file = is_file

    def __str__(self) -> str:
        return self.source

    def place(self, position: int) -> str:
        """Where a row is: `data/train.csv, line 2` for the first row of a file."""
        if not self.is_file:
            return f"row {position} of {self.source}"
        return f"{self.source}, line {_lines(self.source, [position])[0]}"

    def places(self, positions: Sequence[int]) -> str:
        """Where some rows are, without the name of the source: `lines 2, 5`; the first few."""
        shown = list(positions[:NUM_NAMED])
        numbers = _lines(self.source, shown) if self.is_file else shown
        noun = ("line" if self.is_file else "row") + ("" if len(positions) == 1 else "s")
        more = ", ..." if len(positions) > NUM_NAMED else ""
        return f"{noun} {', '.join(map(str, numbers))}{more}"


def _lines(path: str, positions: Iterable[int]) -> list[int]:
    """Lines in which rows of a CSV file begin, lines without cells and cells of many lines counted.

    Where the file has changed or cannot be read any more, as if every row had one line.
    """
    wanted = list(positions)
    begins: list[int] = []
    try:
        with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
            begins = list(_beginnings(csv.reader(file), max(wanted, default=0)))
    except (OSError, csv.Error):
        pass
    return [
        begins[position] if position < len(begins) else position + FIRST_LINE for position in wanted
    ]


def _beginnings(reader: Any, last: int) -> Iterable[int]:
    """Lines in which the rows up to the last wanted one begin."""
    before, row = 0, -1
    for cells in reader:
        if len(cells) > 1 or (cells and (not cells[0] or not cells[0].isspace())):
            if row >= 0:
                yield before + 1
            if row == last:
                return
            row += 1
        before = reader.line_num
