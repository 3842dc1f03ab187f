"""The ways in which a column of a table of results can be given."""

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


@dataclass(frozen=True)
class TextTable:
    """Many texts in one piece of memory, made once and picked from many times.

    Args:
        data: All texts as UTF-8, one after the other, uint8.
        offsets: Where each text begins in `data`, then the end of the last, int64, shape (N + 1,).
    """

    data: npt.NDArray[Any]
    offsets: npt.NDArray[Any]

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextTable:
        """The table of some texts; what is no UTF-8 is written as an escape."""
        import numpy as np

        joined = "".join(texts)
        if joined.isascii():
            data, lengths = joined.encode("ascii"), map(len, texts)
        else:
            encoded = [text.encode("utf-8", "backslashreplace") for text in texts]
            data, lengths = b"".join(encoded), map(len, encoded)
        offsets = np.zeros(len(texts) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(lengths, np.int64, len(texts)), out=offsets[1:])
        return cls(np.frombuffer(data, dtype=np.uint8), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, position: int) -> str:
        start, stop = self.offsets[position], self.offsets[position + 1]
        return self.data[start:stop].tobytes().decode()


@dataclass(frozen=True)
class Picked:
    """One of many texts per row.

    Args:
        codes: Positions in `texts`, int64, shape (N,).
        texts: The texts.
    """

    codes: npt.NDArray[Any]
    texts: TextTable


# Unions written with | would be evaluated at import, which Python 3.10 cannot do for all members.
Predictions = Union[Labels, LabelSets, Values, ValueLists, Texts]  # noqa: UP007
Column = Union[Predictions, Picked]  # noqa: UP007
