"""Several runs that differ in their seed only."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autrainer.errors import DataError

FEWEST_FOR_IQM = 5
FEWEST_FOR_TEST = 4
"""With three seeds on both sides no p-value can be below 0.1, however far apart they are."""
_MOST_SPLITS = 200_000
_ROUNDING = 1e-12


@dataclass(frozen=True)
class SeedSummary:
    """Scores of runs that differ in their seed only.

    Args:
        values: All scores, in the order of the runs.
        mean: Their mean.
        sd: Their sample standard deviation (n - 1); None of a single run.
        iqm: Their interquartile mean; None of fewer than five runs.
    """

    values: tuple[float, ...]
    mean: float
    sd: float | None
    iqm: float | None


def over_seeds(values: Sequence[float]) -> SeedSummary:
    """Sum up scores over seeds.

    Raises:
        DataError: if there are none, or one is not a finite number.

    >>> over_seeds([0.5, 1.0, 1.5])
    SeedSummary(values=(0.5, 1.0, 1.5), mean=1.0, sd=0.5, iqm=None)
    """
    listed = tuple(map(float, values))
    if not listed or not all(map(math.isfinite, listed)):
        raise DataError(f"a summary over seeds needs finite scores; got {list(values)}")
    mean = math.fsum(listed) / len(listed)
    squares = math.fsum((value - mean) ** 2 for value in listed)
    sd = math.sqrt(squares / (len(listed) - 1)) if len(listed) > 1 else None
    iqm = interquartile_mean(listed) if len(listed) >= FEWEST_FOR_IQM else None
    return SeedSummary(listed, mean, sd, iqm)


def interquartile_mean(values: Sequence[float]) -> float:
    """Mean of the middle half: a quarter of the values is cut off at either end, rounded down.

    Reference: Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical
    Precipice", NeurIPS 2021.

    >>> interquartile_mean([0.0, 1.0, 2.0, 3.0, 100.0])
    2.0
    """
    ordered = sorted(values)
    cut = len(ordered) // 4
    middle = ordered[cut : len(ordered) - cut]
    return math.fsum(middle) / len(middle)


def compare_seeds(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Two-sided p-value of a permutation test of the difference of two means over seeds.

    All ways to split the scores into two such parts are tried.

    Returns:
        None if a side has three seeds or fewer: there is no test to be made of them. None too for
        more than 200,000 splits; fewer seeds say as much.

    Reference: Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005, section 3.
    """
    if min(len(first), len(second)) < FEWEST_FOR_TEST:
        return None
    pooled = np.array([*first, *second], dtype=np.float64)
    n, total = len(first), len(pooled)
    if math.comb(total, n) > _MOST_SPLITS:
        return None
    chosen = np.array(list(itertools.combinations(range(total), n)))
    sums = pooled[chosen].sum(axis=1)
    differences = sums / n - (pooled.sum() - sums) / (total - n)
    found = abs(differences[0])
    return float((np.abs(differences) >= found - _ROUNDING * max(1.0, found)).mean())
