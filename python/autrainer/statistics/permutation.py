"""Whether one run is better than another on one test set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autrainer.errors import ConfigError, DataError
from autrainer.runs.random.uniforms import uniforms
from autrainer.statistics.groups import Codes, group_codes, summed_by_group
from autrainer.statistics.sums import Floats, Metric, sums_of

PERMUTATIONS = 10_000
_CHUNK = 4_000_000
_ROUNDING = 1e-12


@dataclass(frozen=True)
class PairedTest:
    """Result of a paired test.

    Args:
        difference: Score of the first run minus that of the second.
        p_value: Two-sided.
        is_exact: Whether all exchanges were tried, and not only some drawn ones.
        num_groups: Groups that were exchanged as a whole.
    """

    difference: float
    p_value: float
    is_exact: bool
    num_groups: int


def paired_permutation_test(
    metric: Metric,
    truth: Any,
    first: Any,
    second: Any,
    groups: Sequence[Any] | npt.NDArray[Any] | None = None,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> PairedTest:
    """Test whether two runs differ on one test set.

    If they did not, exchanging their predictions would change nothing. Predictions of a group
    (speaker, recording) are exchanged together. The p-value is the share of exchanges with at
    least the difference that was found; of drawn ones, the one that was found counts among them.

    Args:
        metric: Called with truths and predictions, such as `AbstractMetric.fn`.
        truth: Truths, (N,) or (N, T).
        first: Predictions of the first run, in the order of the truths.
        second: Those of the second.
        groups: Name of the group of each sample; None if each sample is a group of its own.
        permutations: How many exchanges to draw; all are tried where there are no more.
        seed: Of the draws.

    Raises:
        ConfigError: if `permutations` is less than 1.
        DataError: if lengths differ, or there are no samples.

    References: Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005, section 3.
    Phipson and Smyth, "Permutation p-values should never be zero", 2010.
    """
    if permutations < 1:
        raise ConfigError(f"permutations is {permutations}; use an integer of at least 1")
    truth, first, second = (np.asarray(each) for each in (truth, first, second))
    if not len(truth) == len(first) == len(second) or not len(truth):
        raise DataError(
            f"there are {len(truth)} truths and {len(first)} and {len(second)} predictions; a "
            "paired test needs both runs' predictions of the same samples"
        )
    codes = group_codes(groups, len(truth))
    num_groups = int(codes.max()) + 1
    is_exact = num_groups < 60 and 2**num_groups <= permutations
    swaps = _all(num_groups) if is_exact else _drawn(num_groups, permutations, seed)
    found = float(metric(truth, first)) - float(metric(truth, second))
    differences = np.concatenate(list(_differences(metric, truth, first, second, codes, swaps)))
    defined = differences[~np.isnan(differences)]
    extreme = int((np.abs(defined) >= abs(found) - _ROUNDING * max(1.0, abs(found))).sum())
    counted = extreme / len(defined) if is_exact else (extreme + 1) / (len(defined) + 1)
    return PairedTest(found, counted, is_exact, num_groups)


def _differences(
    metric: Metric, truth: Any, first: Any, second: Any, codes: Codes, swaps: Iterator[Floats]
) -> Iterator[Floats]:
    sums = sums_of(metric, truth, [first, second])
    if sums is None:
        yield from _called(metric, truth, first, second, codes, swaps)
        return
    a, b = (summed_by_group(parts, codes) for parts in sums.parts)
    for swap in swaps:
        moved = swap @ (b - a)
        yield sums.score(a.sum(axis=0) + moved) - sums.score(b.sum(axis=0) - moved)


def _called(
    metric: Metric, truth: Any, first: Any, second: Any, codes: Codes, swaps: Iterator[Floats]
) -> Iterator[Floats]:
    for swap in swaps:
        drawn = []
        for row in swap:
            mask = row[codes].astype(bool).reshape(-1, *[1] * (first.ndim - 1))
            a, b = np.where(mask, second, first), np.where(mask, first, second)
            drawn.append(float(metric(truth, a)) - float(metric(truth, b)))
        yield np.array(drawn)


def _all(num_groups: int) -> Iterator[Floats]:
    step = max(1, _CHUNK // num_groups)
    for start in range(0, 2**num_groups, step):
        numbers = np.arange(start, min(start + step, 2**num_groups))
        yield (numbers[:, None] >> np.arange(num_groups) & 1).astype(np.float64)


def _drawn(num_groups: int, permutations: int, seed: int) -> Iterator[Floats]:
    step = max(1, _CHUNK // num_groups)
    for start in range(0, permutations, step):
        stop = min(start + step, permutations)
        drawn = uniforms(start * num_groups, stop * num_groups, seed, "permutation", num_groups)
        yield (drawn < 0.5).astype(np.float64).reshape(stop - start, num_groups)
