"""What the saved outputs of runs on the test set give: intervals, tests, strata."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autrainer.errors import AutrainerError
from autrainer.postprocessing.report.outputs import SampleOutputs, outputs_of
from autrainer.postprocessing.report.runs import Runs
from autrainer.runs.record.run_record import RunRecord
from autrainer.statistics.bootstrap import Bootstrap, Interval
from autrainer.statistics.holm import holm
from autrainer.statistics.permutation import PairedTest, paired_permutation_test
from autrainer.statistics.strata import StratumReport, compare_strata

MOST_COMPARED = 8
MOST_STRATA = 40
PERMUTATIONS = 2000


@dataclass(frozen=True)
class Best:
    """The best run of a group on the dev set, with what it said about the test set."""

    label: str
    record: RunRecord
    outputs: SampleOutputs


@dataclass(frozen=True)
class Comparison:
    """A test of two runs on one test set.

    Args:
        first: The run that is better on the dev set.
        other: The other.
        test: Of the first's score minus the other's.
        adjusted: Its p-value, adjusted by Holm for all comparisons.
    """

    first: Best
    other: Best
    test: PairedTest
    adjusted: float


class Results:
    """What saved outputs of the test set give.

    Args:
        runs: The runs.
        group_column: Column of the dataset's CSV whose samples belong together.
        level: Level of confidence.
        seed: Of all draws.

    Attributes:
        intervals: Of the tracking metric on the test set, by the folder of the run.
        best: The best run of each group, in their order.
        unused: Why outputs of runs are not used, by the names of the runs.
    """

    def __init__(
        self, runs: Runs, group_column: str | None = None, *, level: float = 0.95, seed: int = 0
    ) -> None:
        self._runs, self._level, self._seed = runs, level, seed
        self._bootstraps: dict[Any, Bootstrap | None] = {}
        self._strata: dict[str, StratumReport | None] = {}
        self.intervals: dict[str, Interval] = {}
        self.best: list[Best] = []
        self.unused: dict[str, str] = {}
        for group in runs.groups:
            best = group.best(runs.metric, runs.direction)
            for record in group.finished:
                found = outputs_of(record, runs.metric, group_column)
                if isinstance(found, str):
                    self.unused[runs.label(record)] = found
                    continue
                self._add_interval(record, found)
                if record is best:
                    self.best.append(Best(group.label, record, found))

    def _add_interval(self, record: RunRecord, outputs: SampleOutputs) -> None:
        bootstrap = self.bootstrap(outputs)
        if bootstrap is not None:
            sides = outputs.truth, outputs.prediction
            self.intervals[str(record.folder)] = bootstrap.interval(outputs.metric, *sides)

    def bootstrap(self, outputs: SampleOutputs) -> Bootstrap | None:
        """Resamples of a test set, the same for all runs on it; None if it cannot be resampled."""
        groups = outputs.groups
        key = len(outputs.truth), None if groups is None else tuple(groups)
        if key not in self._bootstraps:
            try:
                self._bootstraps[key] = Bootstrap(
                    len(outputs.truth), groups, level=self._level, seed=self._seed
                )
            except AutrainerError:
                self._bootstraps[key] = None
        return self._bootstraps[key]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Tests of the best run on each test set against others on it, adjusted together."""
        firsts: list[Best] = []
        found = []
        for best in self.best[:MOST_COMPARED]:
            first = next((f for f in firsts if _same_samples(f.outputs, best.outputs)), None)
            if first is None:
                firsts.append(best)
            else:
                found.append((first, best, _tested(first.outputs, best.outputs, self._seed)))
        adjusted = holm([test.p_value for _, _, test in found])
        return [Comparison(*each, p) for each, p in zip(found, adjusted, strict=True)]

    def strata(self, best: Best) -> StratumReport | None:
        """A run on the strata of its dataset; None if it has none."""
        if best.label not in self._strata:
            self._strata[best.label] = self._compared_strata(best)
        return self._strata[best.label]

    def _compared_strata(self, best: Best) -> StratumReport | None:
        bootstrap, outputs = self.bootstrap(best.outputs), best.outputs
        masks = dict(list(outputs.strata.items())[:MOST_STRATA])
        if bootstrap is None or len(masks) < 2:
            return None
        sides = outputs.truth, outputs.prediction
        direction = self._runs.direction
        return compare_strata(bootstrap, outputs.metric, *sides, masks, direction=direction)


def _same_samples(first: SampleOutputs, other: SampleOutputs) -> bool:
    return (
        np.array_equal(first.truth, other.truth)
        and np.array_equal(first.indices, other.indices)
        and first.groups == other.groups
    )


def _tested(first: SampleOutputs, other: SampleOutputs, seed: int) -> PairedTest:
    return paired_permutation_test(
        first.metric, first.truth, first.prediction, other.prediction, first.groups,
        permutations=PERMUTATIONS, seed=seed,
    )  # fmt: skip
