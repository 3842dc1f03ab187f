"""Parts of a test set: how a run does on each, and how far apart they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from autrainer.statistics.bootstrap import Bootstrap, Interval, Mask
from autrainer.statistics.sums import Metric

SMALL = 30
"""Fewer samples, or groups of samples, say little about a stratum."""


@dataclass(frozen=True)
class Stratum:
    """A part of a test set.

    Args:
        name: Its name.
        interval: Its score, with how many samples and groups there are.
    """

    name: str
    interval: Interval

    @property
    def is_small(self) -> bool:
        """Whether it has fewer than 30 samples."""
        return self.interval.num_samples < SMALL


@dataclass(frozen=True)
class Gap:
    """How far the worst stratum is from the best.

    Args:
        worst: Name of the worst.
        best: Name of the best.
        interval: Its score is the distance, at least 0.
    """

    worst: str
    best: str
    interval: Interval


@dataclass(frozen=True)
class StratumReport:
    """A run on all strata.

    Args:
        strata: In the order in which they were given.
        gap: None if fewer than two strata have a score.
        warnings: One sentence for each stratum with fewer than 30 samples.
    """

    strata: list[Stratum]
    gap: Gap | None
    warnings: list[str]


def compare_strata(
    bootstrap: Bootstrap,
    metric: Metric,
    truth: Any,
    prediction: Any,
    masks: Mapping[str, Mask],
    *,
    direction: Literal["min", "max"] = "max",
) -> StratumReport:
    """Score and interval of every stratum, and the gap between the worst and the best.

    The gap is that of the two strata that are worst and best on the whole test set, in every
    resample: the largest gap of each resample would be larger than the true one on average.

    Args:
        bootstrap: Resamples of the whole test set.
        metric: Called with truths and predictions.
        truth: Truths of all samples.
        prediction: Predictions of all samples.
        masks: Which samples each stratum has, (N,).
        direction: Whether more or less of the metric is better.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    strata = [
        Stratum(name, bootstrap.interval(metric, truth, prediction, mask))
        for name, mask in masks.items()
    ]
    warnings = [
        f"{each.name} has {each.interval.num_samples} samples, fewer than {SMALL}: its score says "
        "little"
        for each in strata
        if each.is_small
    ]
    ends = _worst_and_best(strata, direction)
    if ends is None:
        return StratumReport(strata, None, warnings)
    worst, best = ends
    drawn = [bootstrap.scores(metric, truth, prediction, masks[each.name]) for each in ends]
    sign = 1 if direction == "max" else -1
    low, high, num_undefined = bootstrap.ends(sign * (drawn[1] - drawn[0]))
    distance = abs(best.interval.score - worst.interval.score)
    num_samples = worst.interval.num_samples + best.interval.num_samples
    num_groups = worst.interval.num_groups + best.interval.num_groups
    counts = num_samples, num_groups, num_undefined
    gap = Gap(worst.name, best.name, Interval(distance, low, high, bootstrap.level, *counts))
    return StratumReport(strata, gap, warnings)


def _worst_and_best(strata: list[Stratum], direction: str) -> tuple[Stratum, Stratum] | None:
    sign = 1 if direction == "max" else -1
    scored = [each for each in strata if not math.isnan(each.interval.score)]
    if len(scored) < 2:
        return None
    ordered = sorted(scored, key=lambda each: sign * each.interval.score)
    return ordered[0], ordered[-1]
