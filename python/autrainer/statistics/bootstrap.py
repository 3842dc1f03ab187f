"""Intervals of metrics, by resampling the groups of a test set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autrainer.errors import ConfigError, DataError
from autrainer.runs.random.uniforms import uniforms
from autrainer.statistics.groups import group_codes, summed_by_group
from autrainer.statistics.shares import effective_number, hits_of, wilson_interval
from autrainer.statistics.sums import Metric, sums_of

Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

RESAMPLES = 1000
LEVEL = 0.95
_ROUNDING = 1e-12
"""Share of a statistic by which sums of the same numbers may differ."""
_CHUNK = 4_000_000
"""Numbers that are drawn at once."""
_KEPT = 40_000_000
"""Counts that are kept for the next metric; more are drawn again."""


@dataclass(frozen=True)
class Interval:
    """A score and where it lies, at some level of confidence.

    Args:
        score: Of all samples.
        low: Lower end; NaN where there is no interval.
        high: Upper end.
        level: The level, such as 0.95.
        num_samples: How many samples there are.
        num_groups: How many groups they form.
        num_undefined: Resamples in which the score is not defined; they are left out.
    """

    score: float
    low: float
    high: float
    level: float
    num_samples: int
    num_groups: int
    num_undefined: int = 0


class Bootstrap:
    """Resamples of the groups of one test set, the same for every metric and every run.

    A resample draws as many groups as there are, with replacement, and takes all samples of each:
    clips of one speaker are not independent, so intervals over clips would be too narrow.
    Intervals are percentiles of the scores of the resamples. Two kinds are not:

    - Accuracy and exact match are shares of samples. Percentiles are too narrow where errors are
      few, and without any error they have no width, so Wilson's interval of a share is taken. Its
      number of samples is that of independent samples which would tell as much (`shares`).
    - Another metric that is the same in all resamples, such as the UAR of a run without any error,
      has no interval: both ends are NaN.

    Args:
        num_samples: Number of samples N.
        groups: Name of the group of each sample; None if each sample is a group of its own.
        resamples: How many resamples to draw.
        level: Level of confidence.
        seed: Of the draws. The same arguments give the same intervals on every machine.

    Raises:
        ConfigError: if `resamples` is less than 1, or `level` does not lie between 0 and 1.
        DataError: if there are not as many groups as samples, or fewer than two groups.

    References: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13
    (percentile intervals). Field and Welsh, "Bootstrapping clustered data", JRSS B 69, 2007
    (resampling whole groups). Ferrer and Riera, "Confidence intervals for evaluation in machine
    learning", 2023.
    """

    def __init__(
        self,
        num_samples: int,
        groups: Sequence[Any] | npt.NDArray[Any] | None = None,
        *,
        resamples: int = RESAMPLES,
        level: float = LEVEL,
        seed: int = 0,
    ) -> None:
        if resamples < 1:
            raise ConfigError(f"resamples is {resamples}; use an integer of at least 1")
        if not 0 < level < 1:
            raise ConfigError(f"level is {level}; use a number between 0 and 1")
        self.codes = group_codes(groups, num_samples)
        self.num_groups = int(self.codes.max()) + 1 if num_samples else 0
        if self.num_groups < 2:
            raise DataError(
                f"{num_samples} samples are of {self.num_groups} groups; an interval needs two "
                "groups or more"
            )
        self.resamples = resamples
        self.level = level
        self.seed = seed

    def interval(
        self, metric: Metric, truth: Any, prediction: Any, mask: Mask | None = None
    ) -> Interval:
        """Interval of a metric.

        Args:
            metric: Called with truths and predictions, such as `AbstractMetric.fn`.
            truth: Truths of all samples, (N,) or (N, T).
            prediction: Predictions, of the same shape.
            mask: Which samples to take, (N,); None for all.
        """
        truth, prediction = np.asarray(truth), np.asarray(prediction)
        chosen = slice(None) if mask is None else mask
        taken = self.codes[chosen]
        score = float(metric(truth[chosen], prediction[chosen])) if len(taken) else float("nan")
        counts = len(taken), len(np.unique(taken))
        hits = hits_of(metric, truth[chosen], prediction[chosen])
        if hits is not None and len(hits):
            ends = wilson_interval(score, effective_number(hits, taken), self.level)
            return Interval(score, *ends, self.level, *counts)
        low, high, num_undefined = self.ends(self.scores(metric, truth, prediction, mask))
        return Interval(score, low, high, self.level, *counts, num_undefined)

    def ends(self, drawn: Floats) -> tuple[float, float, int]:
        """Both ends of the interval of some statistic, and in how many resamples it is undefined.

        The ends are NaN where the statistic is the same in all resamples: they show nothing then.

        Args:
            drawn: The statistic in every resample, NaN where it is not defined.
        """
        defined = drawn[~np.isnan(drawn)]
        num_undefined = len(drawn) - len(defined)
        if not len(defined):
            return float("nan"), float("nan"), num_undefined
        if np.ptp(defined) <= _ROUNDING * np.abs(defined).max():
            return float("nan"), float("nan"), num_undefined
        outside = (1 - self.level) / 2
        low, high = np.quantile(defined, [outside, 1 - outside])
        return float(low), float(high), num_undefined

    def scores(
        self, metric: Metric, truth: Any, prediction: Any, mask: Mask | None = None
    ) -> Floats:
        """The score in every resample, (resamples,); arguments as of `interval`."""
        sums = sums_of(metric, truth, [prediction])
        if sums is None:
            return self._called(metric, np.asarray(truth), np.asarray(prediction), mask)
        parts = sums.parts[0] if mask is None else sums.parts[0] * mask[:, None]
        of_groups = summed_by_group(parts, self.codes)
        return np.concatenate([sums.score(counts @ of_groups) for counts in self._counts()])

    def _called(self, metric: Metric, truth: Any, prediction: Any, mask: Mask | None) -> Floats:
        order = np.argsort(self.codes, kind="stable")
        if mask is not None:
            order = order[mask[order]]
        drawn = []
        for counts in self._counts():
            for row in counts:
                rows = np.repeat(order, row[self.codes[order]].astype(np.int64))
                drawn.append(float(metric(truth[rows], prediction[rows])) if len(rows) else np.nan)
        return np.array(drawn)

    def _counts(self) -> Iterator[Floats]:
        """How often each resample takes each group: (chunk, G), chunk by chunk."""
        if self.resamples * self.num_groups > _KEPT:
            yield from (counts.astype(np.float64) for counts in self._drawn())
        else:
            yield from (counts.astype(np.float64) for counts in self._kept)

    @cached_property
    def _kept(self) -> list[npt.NDArray[np.uint16]]:
        return list(self._drawn())

    def _drawn(self) -> Iterator[npt.NDArray[np.uint16]]:
        groups = self.num_groups
        step = max(1, _CHUNK // groups)
        for start in range(0, self.resamples, step):
            stop = min(start + step, self.resamples)
            drawn = uniforms(start * groups, stop * groups, self.seed, "bootstrap", groups)
            taken = (drawn * groups).astype(np.int64).reshape(stop - start, groups)
            taken += np.arange(stop - start)[:, None] * groups
            counts = np.bincount(taken.ravel(), minlength=(stop - start) * groups)
            yield counts.reshape(stop - start, groups).astype(np.uint16)


def bootstrap_interval(
    metric: Metric,
    truth: Any,
    prediction: Any,
    groups: Sequence[Any] | npt.NDArray[Any] | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Interval of one metric; arguments and errors as of `Bootstrap`.

    >>> from autrainer.metrics import Accuracy
    >>> found = bootstrap_interval(Accuracy().fn, [0, 0, 1, 1] * 25, [0, 0, 1, 0] * 25)
    >>> found.low < found.score == 0.75 < found.high
    True
    """
    drawn = Bootstrap(len(truth), groups, resamples=resamples, level=level, seed=seed)
    return drawn.interval(metric, truth, prediction)
