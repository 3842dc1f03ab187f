"""Samples by what they share: a speaker, a recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autrainer.errors import DataError

Codes = npt.NDArray[np.int64]


def group_codes(groups: Sequence[Any] | npt.NDArray[Any] | None, num_samples: int) -> Codes:
    """Number of the group of every sample, (N,), in order of appearance.

    Args:
        groups: Name of the group of each sample; None if each sample is a group of its own.
        num_samples: Number of samples N.

    Raises:
        DataError: if there are not as many names as samples.

    >>> group_codes(["b", "a", "b"], 3).tolist()
    [0, 1, 0]
    """
    if groups is None:
        return np.arange(num_samples, dtype=np.int64)
    if len(groups) != num_samples:
        raise DataError(
            f"{len(groups)} groups are given for {num_samples} samples; give one for each sample"
        )
    numbers: dict[Any, int] = {}
    listed = groups.tolist() if isinstance(groups, np.ndarray) else groups
    return np.array([numbers.setdefault(name, len(numbers)) for name in listed], dtype=np.int64)


def summed_by_group(parts: npt.NDArray[np.float64], codes: Codes) -> npt.NDArray[np.float64]:
    """Sums over the samples of each group: (N, S) to (G, S)."""
    num_groups = int(codes.max()) + 1 if len(codes) else 0
    if num_groups == len(codes):
        # Every sample is a group of its own, numbered in order of appearance.
        return parts
    sums = np.zeros((num_groups, parts.shape[1]))
    np.add.at(sums, codes, parts)
    return sums
