"""Several methods on several datasets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from autrainer.errors import DataError
from autrainer.statistics.holm import holm
from autrainer.statistics.wilcoxon import wilcoxon_signed_rank


@dataclass(frozen=True)
class PairOfMethods:
    """Two methods compared over the datasets that both have scores of.

    Args:
        first: Name of the first method.
        second: Name of the second.
        num_datasets: How many datasets both have.
        mean_difference: Mean over them of the first's score minus the second's.
        p_value: Of Wilcoxon's signed-rank test.
        adjusted: The same, adjusted by Holm for all pairs.
    """

    first: str
    second: str
    num_datasets: int
    mean_difference: float
    p_value: float
    adjusted: float


def compare_methods(scores: Mapping[str, Mapping[str, float]]) -> list[PairOfMethods]:
    """Compare every pair of methods, by Wilcoxon's signed-rank test with Holm's adjustment.

    Mean ranks over all methods are not used: by them, whether two methods differ would depend on
    which others are there (Benavoli, Corani and Mangili, JMLR 17, 2016).

    Args:
        scores: For each method its scores by dataset.

    Raises:
        DataError: if two methods have fewer than two datasets in common.
    """
    pairs = list(itertools.combinations(scores, 2))
    shared = [[name for name in scores[a] if name in scores[b]] for a, b in pairs]
    for (a, b), names in zip(pairs, shared, strict=True):
        if len(names) < 2:
            raise DataError(f"{a} and {b} have {len(names)} datasets in common; a test needs two")
    columns = [
        ([scores[a][name] for name in names], [scores[b][name] for name in names])
        for (a, b), names in zip(pairs, shared, strict=True)
    ]
    p_values = [wilcoxon_signed_rank(*each) for each in columns]
    return [
        PairOfMethods(a, b, len(x), (math.fsum(x) - math.fsum(y)) / len(x), p_value, adjusted)
        for (a, b), (x, y), p_value, adjusted in zip(
            pairs, columns, p_values, holm(p_values), strict=True
        )
    ]
