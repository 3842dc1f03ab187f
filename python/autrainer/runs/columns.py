"""The ways in which the column of predictions of a table of results can be given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Labels:
    """One label per row.

    Args:
        codes: Positions in `labels`, int64, shape (N,).
        labels: What the cells say.
    """

    codes: npt.NDArray[Any]
    labels: Sequence[str]


@dataclass(frozen=True)
class LabelSets:
    """Any number of labels per row, written as a Python list: `['a', 'b']`.

    Args:
        mask: Which labels belong to a row, bool or numbers, shape (N, L).
        labels: The labels of the columns of `mask`.
    """

    mask: npt.NDArray[Any]
    labels: Sequence[str]


@dataclass(frozen=True)
class Values:
    """One number per row.

    Args:
        values: Floats or integers, shape (N,).
    """

    values: npt.NDArray[Any]


@dataclass(frozen=True)
class ValueLists:
    """One number per row and target, written as a Python list: `[0.1, 0.2]`.

    Args:
        values: Floats, shape (N, T).
    """

    values: npt.NDArray[Any]


@dataclass(frozen=True)
class Texts:
    """One text per row.

    Args:
        texts: N texts, written as they are and quoted where needed.
    """

    texts: Sequence[str]


# A union written with | would be evaluated at import, which Python 3.10 cannot do for all members.
Predictions = Union[Labels, LabelSets, Values, ValueLists, Texts]  # noqa: UP007
