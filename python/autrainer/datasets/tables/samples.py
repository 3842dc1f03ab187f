"""What is known of the samples of a split, for the table of results."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from autrainer.data.targets import AbstractTargetTransform
from autrainer.datasets.wrapper import SplitDataset
from autrainer.runs.writing.columns import Column, Picked, Texts, TextTable, ValueLists, Values

Array = npt.NDArray[Any]


class Described(Protocol):
    """What is looked at of a dataset."""

    index_column: str | None
    target_column: str | list[str]

    @property
    def target_transform(self) -> AbstractTargetTransform:
        """Encodes the targets."""

    def sample_names(self, subset: str) -> list[str] | None:
        """Names of the samples of a split."""


class SplitSamples:
    """Targets and names of the samples of a split.

    Args:
        data: The dataset.
        subset: Name of the split.
    """

    def __init__(self, data: Described, subset: str) -> None:
        self._data = data
        self._subset = subset

    @property
    def target_names(self) -> list[str] | None:
        """Names of the targets, if there are several."""
        columns = self._data.target_column
        return None if isinstance(columns, str) else list(map(str, columns))

    def target(self, indices: Array, encoded: Array) -> Column | None:
        """Targets as the data have them; numbers to the last digit where nothing changed them.

        Args:
            indices: Positions in the split, shape (N,).
            encoded: The targets that the model was compared with, which a transform of the items
                may have changed, shape (N,) or (N, T).
        """
        decoded = self._data.target_transform.decode_targets(encoded)
        if decoded is not None and not isinstance(decoded, (Values, ValueLists)):
            return decoded
        raw = self._raw(indices, encoded)
        return decoded if raw is None else raw

    def names(self, indices: Array) -> tuple[str, Picked] | None:
        """Name of the index column and its cells; None for samples without names."""
        table = self._table
        if table is None or not len(indices) or _reaches_outside(indices, len(table)):
            return None
        return str(self._data.index_column), Picked(indices, table)

    def _raw(self, indices: Array, encoded: Array) -> Column | None:
        """The cells of the data, if these are the targets that they give."""
        split = getattr(self._data, f"{self._subset}_dataset")
        if not isinstance(split, SplitDataset) or split.targets is None:
            return None
        own = split.targets.numpy()
        if _reaches_outside(indices, len(own)) or not np.array_equal(own[indices], encoded):
            return None
        if self._cells.dtype.kind not in "iuf":
            return Texts([str(cell) for cell in self._cells[indices]])
        values = self._cells[indices]
        return Values(values) if values.ndim == 1 else ValueLists(values)

    @cached_property
    def _cells(self) -> Array:
        """Targets of all samples as the data have them: numbers, or objects of any kind."""
        raw = getattr(self._data, f"{self._subset}_dataset").raw_targets()
        if isinstance(raw, np.ndarray):
            return raw
        if all(isinstance(cell, (int, float)) for cell in raw):
            return np.asarray(raw)
        return np.fromiter(raw, dtype=object, count=len(raw))

    @cached_property
    def _table(self) -> TextTable | None:
        names = self._data.sample_names(self._subset)
        return None if names is None else TextTable.of(names)


def _reaches_outside(indices: Array, length: int) -> bool:
    return bool(len(indices)) and not 0 <= int(indices.min()) <= int(indices.max()) < length
