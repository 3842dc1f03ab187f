"""Features that stand in columns of the CSV files, one row a sample."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from autrainer.data.messages import NUM_NAMED
from autrainer.data.split_source import Files, ItemsOnly
from autrainer.data.targets import AbstractTargetTransform
from autrainer.datasets.tables.frames import Listing
from autrainer.datasets.wrapper import (
    RawTargets,
    SplitDataset,
    as_list,
    missing_columns,
    targets_of,
)
from autrainer.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 4096
LONGEST_CELL = 30


class FeatureColumns:
    """The columns of a table that are features, as a configuration names them.

    Args:
        names: Names of columns, or patterns with `*` and `?`, in the order of the features.
        others: Columns that mean something else, which patterns leave out.
        targets: Those of them that are targets, which may not be named either.

    Raises:
        ConfigError: if these are no names, or name a target.
    """

    def __init__(self, names: Any, others: Collection[str], targets: Collection[str]) -> None:
        listed = [names] if isinstance(names, str) else names
        if not isinstance(listed, (list, tuple)) or not listed:
            raise ConfigError(
                f"dataset.features is {names!r}; use a list of columns, such as [width, height], "
                "or a pattern, such as mfcc_*"
            )
        for name in listed:
            if not isinstance(name, str):
                raise ConfigError(
                    f"dataset.features names {name!r}; names of columns are texts: write "
                    f"{str(name)!r}, with quotes"
                )
            if name in targets:
                raise ConfigError(
                    f"dataset.features names {name!r}, which is a target: a model would be given "
                    "what it is to predict; remove it"
                )
        repeated = sorted({name for name in listed if listed.count(name) > 1})
        if repeated:
            raise ConfigError(f"dataset.features names {', '.join(repeated)} more than once")
        self._names = list(listed)
        self._others = frozenset(others)

    def of(self, header: Sequence[str]) -> list[str]:
        """The columns that are meant in a table with these; patterns give them in its order.

        What is not there is kept as it is, so that it will be missed.
        """
        present = set(header)
        chosen: dict[str, None] = {}
        for name in self._names:
            matches = [] if name in present else self._matches(name, header)
            chosen.update(dict.fromkeys(matches or [name]))
        return list(chosen)

    def _matches(self, pattern: str, header: Sequence[str]) -> list[str]:
        if not _is_pattern(pattern):
            return []
        # Brackets are part of names, such as f[0].
        literal = pattern.replace("[", "[[]")
        return [name for name in header if name not in self._others and fnmatchcase(name, literal)]


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


class TableDataset(SplitDataset):
    """Samples of a data frame whose features are numbers in columns.

    Args:
        features: The columns, in this order.
        target_column: Column, or list of columns, with the targets.
        df: The samples, in order.
        transform: Applied to every item, target not yet encoded.
        target_transform: Encodes the targets.

    Raises:
        DataError: if the frame lacks one of the columns, or a cell is no finite number.
    """

    def __init__(
        self,
        features: list[str],
        target_column: str | list[str],
        df: pd.DataFrame,
        transform: Callable[[Any], Any] | None = None,
        target_transform: AbstractTargetTransform | None = None,
    ) -> None:
        super().__init__(transform, target_transform)
        problems = missing_columns(df, [*features, *as_list(target_column)])
        if problems:
            raise DataError("\n".join(problems))
        self.features = features
        self.target_column = target_column
        self.df = df

    def raw_targets(self) -> RawTargets:
        """The cells of the target column, or a table of the target columns."""
        return targets_of(self.df, self.target_column)

    def load_features(self, index: int) -> torch.Tensor:
        """A row as float32, shape (C,)."""
        return self.table[index].clone()

    def all_features(self) -> torch.Tensor:
        """All rows as float32, shape (N, C)."""
        return self.table

    @cached_property
    def table(self) -> torch.Tensor:
        """All rows as float32, shape (N, C)."""
        problems = list(table_problems(self.df, self.features, self.listing))
        if problems:
            raise DataError("\n".join(f"{self.listing}: {problem}" for problem in problems))
        columns = [numbers_of(self.df[name]) for name in self.features]
        table = np.empty((len(self.df), len(columns)), dtype=np.float32)
        for start in range(0, len(table), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            np.stack([column[rows] for column in columns], axis=1, out=table[rows])
        return torch.from_numpy(table)

    def _features_source(self) -> torch.Tensor | Files | ItemsOnly:
        kind = type(self)
        if kind.load_features is not TableDataset.load_features:
            return ItemsOnly(f"{kind.__name__} loads features in its own way")
        return self.table

    @property
    def _dtype(self) -> torch.dtype | None:
        return None if self.transform is None else torch.float32

    def name_of(self, position: int) -> str:
        """The row of a sample."""
        return self.listing.place(position)


def numbers_of(cells: pd.Series[Any]) -> npt.NDArray[np.float32]:
    """Cells as float32; NaN for what is no number, infinite for what float32 does not hold."""
    import pandas as pd

    with np.errstate(over="ignore"):
        try:
            return cells.to_numpy(dtype=np.float32)
        except (TypeError, ValueError):
            numbers = pd.to_numeric(cells, errors="coerce")
            return numbers.to_numpy(dtype=np.float32, na_value=np.nan)


def table_problems(df: pd.DataFrame, columns: Sequence[str], listing: Listing) -> Iterator[str]:
    """What is wrong with the features of a frame: columns that are missing, cells without a number.

    Args:
        df: The frame.
        columns: Columns of the features.
        listing: Names the rows.
    """
    absent = [name for name in columns if name not in df.columns]
    for name, text in zip(absent, missing_columns(df, absent[:NUM_NAMED]), strict=False):
        yield text.replace("there is no column", "no column matches") if _is_pattern(name) else text
    if len(absent) > NUM_NAMED:
        yield f"{len(absent) - NUM_NAMED} more columns of features are not there"
    num_reported = 0
    num_wrong = 0
    for name in columns:
        if name not in df.columns:
            continue
        rows = np.flatnonzero(~np.isfinite(numbers_of(df[name]))).tolist()
        if not rows:
            continue
        num_wrong += 1
        if num_reported < NUM_NAMED:
            num_reported += 1
            yield _cells_without_number(name, df[name], rows, listing)
    if num_wrong > num_reported:
        yield f"{num_wrong - num_reported} more columns of features have such cells"


def _has_decimal_comma(cell: Any) -> bool:
    return isinstance(cell, str) and re.fullmatch(r"\s*[+-]?\d+,\d+\s*", cell) is not None


def _cells_without_number(
    name: str, cells: pd.Series[Any], rows: list[int], listing: Listing
) -> str:
    named = cells.iloc[rows[:NUM_NAMED]]
    shown = [
        "empty or NaN" if is_missing else _short(repr(cell))
        for cell, is_missing in zip(named.tolist(), named.isna().tolist(), strict=True)
    ]
    found = ", ".join(dict.fromkeys(shown)) + (", ..." if len(rows) > NUM_NAMED else "")
    if all(_has_decimal_comma(cell) for cell in named.tolist()):
        return f"column {name!r}: numbers with a decimal comma: {found}; write a point instead"
    if len(rows) == len(cells):
        return f"column {name!r} holds no numbers: {found}; leave it out of dataset.features"
    number = f"{len(rows)} cell" + ("" if len(rows) == 1 else "s")
    return (
        f"column {name!r}: {number} without a finite number: {found} ({listing.places(rows)}); "
        "fill them, or leave the rows or the column out"
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 3]}..."
