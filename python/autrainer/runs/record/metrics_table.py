"""Metrics over the iterations of a run, as plain lists of numbers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from autrainer.errors import CorruptFileError
from autrainer.runs.writing.opening import reading

if TYPE_CHECKING:
    import pandas as pd

ITERATION = "iteration"
"""Column that numbers the rows."""

NO_SCORE = 1e32
"""Metrics that are not defined are written as this or its negative, depending on the version."""

Direction = Literal["min", "max"]


@dataclass(frozen=True)
class MetricsTable:
    """One row for every evaluated iteration, in the order of the file.

    Args:
        iterations: The iterations.
        columns: Values by name, as long as `iterations`; NaN where there is none.
    """

    iterations: list[int] = field(default_factory=list)
    columns: dict[str, list[float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.iterations)

    @property
    def names(self) -> list[str]:
        """Names of the columns, without `iteration`."""
        return list(self.columns)

    def row(self, iteration: int) -> dict[str, float]:
        """Values of an iteration, of the last row with this number.

        Raises:
            KeyError: if it was not evaluated.
        """
        if iteration not in self.iterations:
            raise KeyError(f"iteration {iteration} is not among {self.iterations}")
        position = len(self) - 1 - self.iterations[::-1].index(iteration)
        return {name: values[position] for name, values in self.columns.items()}

    def rows(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Every iteration with its values."""
        for position, iteration in enumerate(self.iterations):
            yield iteration, {name: values[position] for name, values in self.columns.items()}

    def best(self, name: str, direction: Direction) -> int | None:
        """The first iteration with the best value of a column, or None if it has no number.

        Iterations whose `dev_loss` is NaN do not count, as in training.
        """
        losses = self.columns.get("dev_loss", [0.0] * len(self))
        sign = 1.0 if direction == "max" else -1.0
        found, best = None, -math.inf
        for iteration, value, loss in zip(
            self.iterations, self.columns.get(name, []), losses, strict=False
        ):
            if is_score(value) and not math.isnan(loss) and sign * value > best:
                found, best = iteration, sign * value
        return found

    def frame(self) -> pd.DataFrame:
        """The table as a data frame whose index is the iteration."""
        import pandas as pd

        index = pd.Index(self.iterations, name=ITERATION)
        frame: pd.DataFrame = pd.DataFrame(self.columns, index=index, dtype=float)
        return frame


def is_score(value: float) -> bool:
    """Whether a value is a score, and neither NaN nor what is written where there is none."""
    return abs(value) < NO_SCORE


def read_metrics(path: Path) -> MetricsTable:
    """Read a table of metrics, whatever the order of its columns.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: naming file and line, if a cell is not a number or the column `iteration`
            is missing.
    """
    with reading(path) as binary, io.TextIOWrapper(binary, "utf-8", newline="") as file:
        try:
            return _parsed(path, csv.reader(file))
        except (csv.Error, UnicodeDecodeError) as error:
            raise CorruptFileError(f"{path}: expected a table, found no CSV: {error}") from error


def _parsed(path: Path, lines: Iterator[list[str]]) -> MetricsTable:
    header = next(lines, [])
    if ITERATION not in header:
        raise CorruptFileError(f"{path}: expected a column {ITERATION!r}, found {header}")
    place = header.index(ITERATION)
    iterations: list[int] = []
    columns: list[list[float]] = [[] for _ in header]
    for line, cells in enumerate(lines, start=2):
        if not cells:
            continue
        try:
            values = [float(cell or "nan") for cell in cells]
            if len(values) != len(header):
                raise ValueError(f"{len(values)} cells under {len(header)} names")
            iterations.append(int(values[place]))
        except (ValueError, OverflowError) as error:
            raise CorruptFileError(
                f"{path}, line {line}: expected numbers and a column {ITERATION!r}, found {cells}"
            ) from error
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    named = dict(zip(header, columns, strict=True))
    del named[ITERATION]
    return MetricsTable(iterations, named)


def table_of(rows: Iterable[tuple[int, Mapping[str, float]]]) -> MetricsTable:
    """A table of rows that may lack values."""
    listed = list(rows)
    names = list(dict.fromkeys(name for _, values in listed for name in values))
    return MetricsTable(
        [iteration for iteration, _ in listed],
        {name: [values.get(name, math.nan) for _, values in listed] for name in names},
    )
