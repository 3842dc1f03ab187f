"""Wilcoxon's signed-rank test, exact with ties too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autrainer.errors import DataError


def wilcoxon_signed_rank(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p-value of the paired differences of two methods over several datasets.

    Differences of zero are left out. Equal ones share the mean of their ranks, and the p-value
    belongs to the distribution of exactly these ranks over all choices of signs, so it is exact
    for any number of datasets. Without any difference it is 1.

    Raises:
        DataError: if both sides do not have the same number of finite scores.

    References: Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1, 1945.
    Benavoli, Corani and Mangili, "Should We Really Use Post-Hoc Tests Based on Mean-Ranks?", JMLR
    17, 2016.

    >>> wilcoxon_signed_rank([0.9, 0.8, 0.7, 0.9], [0.5, 0.6, 0.6, 0.6])
    0.125
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or not np.isfinite(a - b).all():
        raise DataError(
            f"{a.size} and {b.size} scores cannot be paired; give both methods' finite scores on "
            "the same datasets"
        )
    # Differences of decimal fractions that are equal on paper differ in their last bits.
    differences = np.round(a - b, 12)
    differences = differences[differences != 0]
    if not len(differences):
        return 1.0
    doubled = _doubled_ranks(np.abs(differences))
    positive = int(doubled[differences > 0].sum())
    chances = _distribution(doubled)
    tail = min(chances[: positive + 1].sum(), chances[positive:].sum())
    return float(min(1.0, 2 * tail))


def smallest_p_value(num_datasets: int) -> float:
    """The least p-value of the test over so many datasets: all differences have one sign.

    >>> smallest_p_value(5), smallest_p_value(6)
    (0.0625, 0.03125)
    """
    return min(1.0, 2.0 ** (1 - num_datasets))


def _doubled_ranks(sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Twice the mid-ranks, which are integers."""
    _, codes, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (2 * last - counts + 1)[codes].astype(np.int64)


def _distribution(doubled: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Chance of every sum of the ranks with a positive sign, each sign by a fair coin."""
    chances = np.zeros(int(doubled.sum()) + 1)
    chances[0] = 1.0
    for rank in doubled:
        chances[rank:] = (chances[rank:] + chances[: len(chances) - rank]) / 2
        chances[:rank] /= 2
    return chances
