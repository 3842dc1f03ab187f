"""Strata: the rows of a split by the values of some columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autrainer.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

TOTAL = "all"
"""Name of the whole split in results, which no stratum may take."""

Mask = npt.NDArray[np.bool_]


def strata_of(df: pd.DataFrame, columns: list[str]) -> dict[str, Mask]:
    """Masks over the rows of a frame, one per value of each column, in order of appearance.

    Args:
        df: Any frame; its index plays no part.
        columns: Columns of it. A missing value is a stratum of its own.

    Raises:
        DataError: if two strata would have one name all the same.
    """
    masks = [
        (column, value, mask) for column in columns for value, mask in _masks(df[column].array)
    ]
    counts = Counter(value for _, value, _ in masks)
    names = [
        f"{column}={value}" if counts[value] > 1 or value == TOTAL else value
        for column, value, _ in masks
    ]
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(
                f"dataset.stratify is {columns}: {count} strata would be called {name!r}, and the "
                "results of one would replace those of the other; change the values of a column"
            )
    return dict(zip(names, (mask for _, _, mask in masks), strict=True))


def _masks(values: Any) -> list[tuple[str, Mask]]:
    import pandas as pd

    codes, uniques = pd.factorize(values, use_na_sentinel=False)
    return [(_text(value), codes == code) for code, value in enumerate(uniques)]


def _text(value: Any) -> str:
    return str(value.item() if isinstance(value, np.generic) else value)
