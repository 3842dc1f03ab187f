"""Strata: the rows of a split by the values of some columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

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
    """
    masks = [
        (column, value, mask) for column in columns for value, mask in _masks(df[column].array)
    ]
    counts = Counter(value for _, value, _ in masks)
    return {
        f"{column}={value}" if counts[value] > 1 or value == TOTAL else value: mask
        for column, value, mask in masks
    }


def _masks(values: Any) -> list[tuple[str, Mask]]:
    import pandas as pd

    codes, uniques = pd.factorize(values, use_na_sentinel=False)
    return [(_text(value), codes == code) for code, value in enumerate(uniques)]


def _text(value: Any) -> str:
    return str(value.item() if isinstance(value, np.generic) else value)
