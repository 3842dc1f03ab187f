"""Metrics of every evaluated iteration of a run, and `metrics.csv`, the mark of a finished one."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autrainer.runs.record.metrics_table import read_metrics

if TYPE_CHECKING:
    import pandas as pd


class History:
    """One row of metrics for every evaluated iteration, in the order of the iterations.

    Whatever else is recorded of an iteration, scores in the units of the targets for instance, is
    kept beside the row and written to a table of its own.

    Args:
        columns: Names of the values of a row.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        self.columns = list(columns)
        self._rows: dict[int, dict[str, float]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def iterations(self) -> list[int]:
        """The evaluated iterations."""
        return list(self._rows)

    def record(self, iteration: int, values: Mapping[str, float]) -> None:
        """Set values of an iteration's row."""
        self._rows.setdefault(iteration, {}).update({k: float(v) for k, v in values.items()})

    def row(self, iteration: int) -> dict[str, float]:
        """All values of an evaluated iteration; a value that was never recorded is NaN."""
        values = self._rows[iteration]
        return {column: values.get(column, math.nan) for column in self.columns}

    @property
    def names_beside(self) -> list[str]:
        """Names of the values beside the rows, in the order in which they first came."""
        names = dict.fromkeys(name for values in self._rows.values() for name in values)
        return [name for name in names if name not in self.columns]

    def beside(self, iteration: int) -> dict[str, float]:
        """What is kept beside the row of an evaluated iteration."""
        values = self._rows[iteration]
        return {name: value for name, value in values.items() if name not in self.columns}

    def column(self, name: str) -> list[float]:
        """One value over all evaluated iterations."""
        return [values.get(name, math.nan) for values in self._rows.values()]

    def frame(self, *, with_iteration: bool = False) -> pd.DataFrame:
        """The rows as a data frame whose index is the iteration.

        Args:
            with_iteration: Also add the iteration as the last column.
        """
        import pandas as pd

        rows = [self.row(iteration) for iteration in self._rows]
        frame: pd.DataFrame = pd.DataFrame(
            rows, index=self.iterations, columns=self.columns, dtype=float
        )
        if with_iteration:
            frame["iteration"] = self.iterations
        return frame

    def until(self, iteration: int) -> History:
        """The rows up to an iteration, itself included."""
        kept = History(self.columns)
        kept._rows = {n: dict(values) for n, values in self._rows.items() if n <= iteration}
        return kept

    def state_dict(self) -> list[tuple[int, dict[str, float]]]:
        """Everything that has been recorded."""
        return [(iteration, dict(values)) for iteration, values in self._rows.items()]

    def load_state_dict(self, state_dict: list[tuple[int, dict[str, float]]]) -> None:
        """Go on from what had been recorded.

        Raises:
            TypeError: if that is no table of numbers.
        """
        rows = {iteration: dict(values) for iteration, values in state_dict}
        for iteration, values in rows.items():
            cells = [iteration, *values.values()]
            if type(iteration) is not int or not all(type(cell) in (int, float) for cell in cells):
                raise TypeError(f"the metrics of iteration {iteration!r} are no numbers: {values}")
        self._rows = rows

    def to_csv(self, columns: Sequence[str] | None = None) -> str:
        """Text of a table: the columns, then `iteration`; NaN is an empty cell.

        Args:
            columns: Names of values; those of the rows by default, as `metrics.csv` has them.
        """
        names = self.columns if columns is None else columns
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*names, "iteration"])
        for iteration, values in self._rows.items():
            cells = [values.get(name, math.nan) for name in names]
            writer.writerow(["" if math.isnan(v) else repr(v) for v in cells] + [iteration])
        return text.getvalue()

    def load_csv(self, path: Path, *, beside: bool = False) -> None:
        """Take over the rows of a table, whatever the order of its columns.

        Args:
            path: The table.
            beside: It holds what is kept beside the rows; otherwise only their columns are taken.

        Raises:
            CorruptFileError: if a cell is not a number or the column `iteration` is missing.
        """
        for iteration, values in read_metrics(path).rows():
            kept = {k: v for k, v in values.items() if (k in self.columns) is not beside}
            if beside:
                kept = {name: value for name, value in kept.items() if not math.isnan(value)}
            self.record(iteration, kept)
