"""Intervals of shares: of samples that are predicted correctly."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from autrainer.metrics.arrays import paired, paired_masks
from autrainer.metrics.classification import accuracy
from autrainer.metrics.multi_label import exact_match
from autrainer.statistics.groups import Codes, summed_by_group

FEWEST_GROUPS = 5
"""Groups with an error, and groups with a hit, from which on it is estimated how alike they are."""

Hits = npt.NDArray[np.bool_]


def wilson_interval(share: float, num_units: float, level: float) -> tuple[float, float]:
    """Ends of the interval of a share of independent units.

    A share of 1 has an upper end of 1 and a lower end below it: no error among few units does not
    show that there are none.

    Args:
        share: Between 0 and 1.
        num_units: How many units there are; an effective number need not be an integer.
        level: Level of confidence.

    References: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA
    22, 1927. Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion", Statistical
    Science 16, 2001.

    >>> "{:.3f} to {:.3f}".format(*wilson_interval(1.0, 100, 0.95))
    '0.963 to 1.000'
    """
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (share + z2 / (2 * num_units)) / (1 + z2 / num_units)
    spread = share * (1 - share) / num_units + z2 / (4 * num_units**2)
    half = math.sqrt(z2 * spread) / (1 + z2 / num_units)
    # At 0 and 1 an end is the share itself, up to rounding.
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def effective_number(hits: Hits, codes: Codes) -> float:
    """How many independent samples would tell the share of hits as well as these.

    It is `p (1 - p)` divided by the variance of the share `p` between groups, and at most the
    number of samples. Where errors or hits are in fewer than five groups, it cannot be known how
    alike the samples of a group are: they are taken to be all alike, so that it is the number of
    groups.

    Args:
        hits: Which samples are hits, (N,).
        codes: Number of the group of each sample, (N,).

    References: Kish, "Survey Sampling", 1965 (design effect). Korn and Graubard, "Confidence
    Intervals for Proportions with Small Expected Number of Positive Counts Estimated from Survey
    Data", Survey Methodology 24, 1998 (the effective number in the interval of a proportion).
    """
    num_samples = len(hits)
    _, codes = np.unique(codes, return_inverse=True)
    counted = summed_by_group(np.stack([hits, np.ones(num_samples)], axis=1).astype(float), codes)
    num_groups = len(counted)
    if num_groups == num_samples:
        return num_samples
    in_group, sizes = counted.T
    if min((in_group < sizes).sum(), (in_group > 0).sum()) < FEWEST_GROUPS:
        return num_groups
    share = hits.mean()
    deviations = in_group - share * sizes
    variance = (deviations**2).sum() / num_samples**2 * num_groups / (num_groups - 1)
    return float(min(num_samples, share * (1 - share) / variance)) if variance else num_samples


def is_share(metric: Any) -> bool:
    """Whether a metric is a share of samples: accuracy, or exact match of label sets."""
    return metric in _SHARES


def hits_of(metric: Any, truth: Any, prediction: Any) -> Hits | None:
    """Which samples are hits of a metric that is a share of them; None for any other metric."""
    return _SHARES[metric](truth, prediction) if is_share(metric) else None


def _same_label(truth: Any, prediction: Any) -> Hits:
    a, b = paired(truth, prediction, max_axes=1)
    hits: Hits = a == b
    return hits


def _same_set(truth: Any, prediction: Any) -> Hits:
    a, b = paired_masks(truth, prediction)
    hits: Hits = (a == b).all(axis=1)
    return hits


_SHARES: dict[Any, Callable[[Any, Any], Hits]] = {accuracy: _same_label, exact_match: _same_set}
