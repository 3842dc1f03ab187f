"""Tables of results: as CSV, as a data frame, as lines for a terminal."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """Rows of values.

    Args:
        names: Names of the columns.
        rows: Values by name; a missing one is an empty cell.
    """

    names: list[str]
    rows: list[dict[str, Any]]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], first: Sequence[str] = ()) -> Table:
        """A table whose columns are those of all rows, in the order in which they come."""
        listed = [dict(row) for row in rows]
        names = dict.fromkeys([*first, *(name for row in listed for name in row)])
        return cls(list(names), listed)

    def column(self, name: str) -> list[Any]:
        """Values of a column, None where there is none."""
        return [row.get(name) for row in self.rows]

    def to_csv(self) -> str:
        """The table as CSV; numbers in full, NaN and None as empty cells."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.names)
        writer.writerows([_cell(row.get(name)) for name in self.names] for row in self.rows)
        return text.getvalue()

    def frame(self) -> pd.DataFrame:
        """The table as a data frame."""
        import pandas as pd

        frame: pd.DataFrame = pd.DataFrame(self.rows, columns=self.names)
        return frame


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Rows of texts as lines of aligned columns; a column without any text is left out.

    Args:
        rows: The rows, the heading first.
        left: How many columns are aligned at their left; all others are at their right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    filled = [any(row[place] for row in rows[1:]) for place in range(len(widths))]
    return [
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            if filled[place]
        ).rstrip()
        for row in rows
    ]


def fitting(rows: Sequence[Sequence[str]], width: int) -> tuple[list[str], list[str]]:
    """Rows of texts as lines of aligned columns, as many as fit, and the names of the others.

    The first two columns are always shown.

    Args:
        rows: The rows, the heading first.
        width: Characters of a line.

    >>> fitting([["run", "best", "uar", "f1"], ["a", "3", "0.5", "0.4"]], 15)
    (['run  best  uar', 'a       3  0.5'], ['f1'])
    """
    heading = rows[0]
    filled = [place for place in range(len(heading)) if any(row[place] for row in rows[1:])]
    widths = [max(len(row[place]) for row in rows) for place in filled]
    ends = [sum(widths[: number + 1]) + 2 * number for number in range(len(widths))]
    num_shown = max(2, sum(end <= width for end in ends))
    kept = [[row[place] for place in filled[:num_shown]] for row in rows]
    return aligned(kept), [heading[place] for place in filled[num_shown:]]


def shown(value: Any) -> str:
    """A number as people read it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value)
