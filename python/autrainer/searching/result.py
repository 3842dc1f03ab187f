"""What a search has found: the best trial, and files about all of them in the study's folder."""

from __future__ import annotations

import csv
import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.runs.writing.files import write_text
from autrainer.searching.study import SearchStudy

log = logging.getLogger(__name__)

TABLE = "trials.csv"
SHOWN_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}


@dataclass(frozen=True)
class TrialLine:
    """A trial, for tables and plots.

    Args:
        number: Its number.
        state: `complete`, `pruned`, `failed`, `filtered`, `running` (interrupted, when nothing
            runs any more) or `waiting`.
        value: Its value, or the last one reported; None if there is none, or if it has several.
        params: What was chosen, by key.
        folder: Name of its run folder; empty if it has none of its own.
    """

    number: int
    state: str
    value: float | None
    params: Mapping[str, Any]
    folder: str
    values: tuple[float, ...] = ()
    """All of its values, in the order of the objectives; empty without any."""


@dataclass(frozen=True)
class SearchResult:
    """What a search has found.

    Args:
        folder: Folder of the study.
        name: Name of the study.
        metrics: Names of the values of a trial.
        are_maximized: Of which of them larger ones are better.
        trials: All trials, by number.
        best: The best of them; of several values those that no other trial is as good as in all
            and better in one (the Pareto front).
        overrides: What was chosen for each of these, as overrides.
        importances: How much of the variance of the values each searched key explains, shares of
            1; empty where that cannot be told.
        has_plots: Whether plots are wanted.
        num_at_work: How many of the trials that have not ended other processes work on.
    """

    folder: Path
    name: str
    metrics: Sequence[str]
    are_maximized: Sequence[bool]
    trials: Sequence[TrialLine]
    best: Sequence[TrialLine]
    overrides: Sequence[Sequence[str]]
    importances: Mapping[str, float]
    has_plots: bool
    num_at_work: int = 0

    @classmethod
    def of(
        cls, study: SearchStudy, metrics: Sequence[str], *, has_plots: bool = True
    ) -> SearchResult:
        """Read a study.

        Args:
            study: The study.
            metrics: Names of the values of a trial.
            has_plots: Whether plots are wanted.
        """
        lines = [_line(each) for each in study.trials()]
        done = [each for each in lines if each.state == "complete" and each.values]
        best = front(done, study.are_maximized)
        # Of equal values the first one is the best.
        best = best[:1] if len(metrics) == 1 else best
        return cls(
            study.folder,
            study.settings.study_name,
            metrics,
            study.are_maximized,
            lines,
            best,
            [study.space.searched(each.params) for each in best],
            importances(study),
            has_plots,
            study.num_elsewhere(),
        )

    def count(self, state: str) -> int:
        """How many trials are in a state."""
        return sum(each.state == state for each in self.trials)

    def write_table(self) -> Path:
        """Write all trials as a table.

        Raises:
            OSError: if that is not possible.
        """
        keys = list(dict.fromkeys(key for each in self.trials for key in each.params))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["trial", "state", *self.metrics, *keys, "folder"])
        for each in self.trials:
            last = () if each.value is None else (each.value,)
            values = [repr(value) for value in each.values or last]
            values += [""] * (len(self.metrics) - len(values))
            chosen = [each.params.get(key, "") for key in keys]
            writer.writerow([each.number, each.state, *values, *chosen, each.folder])
        write_text(self.folder / TABLE, text.getvalue())
        return self.folder / TABLE


def state_of(trial: Any) -> str:
    """The state of a trial of Optuna, as it is shown."""
    if "filtered" in trial.user_attrs:
        return "filtered"
    return SHOWN_STATES.get(trial.state.name, str(trial.state.name).lower())


def _line(trial: Any) -> TrialLine:
    folder = str(trial.user_attrs.get("folder", ""))
    values = tuple(trial.values or ())
    value = values[0] if len(values) == 1 else None
    return TrialLine(trial.number, state_of(trial), value, dict(trial.params), folder, values)


def front(trials: Sequence[TrialLine], are_maximized: Sequence[bool]) -> list[TrialLine]:
    """The trials that no other one is as good as in all values and better in one, by number.

    Args:
        trials: Trials with values.
        are_maximized: Of which values larger ones are better.
    """
    costs = {
        each.number: [
            -value if larger else value
            for value, larger in zip(each.values, are_maximized, strict=True)
        ]
        for each in trials
    }

    def is_beaten(own: list[float], other: list[float]) -> bool:
        return other != own and all(a <= b for a, b in zip(other, own, strict=True))

    return [
        each
        for each in trials
        if not any(is_beaten(costs[each.number], other) for other in costs.values())
    ]


def importances(study: SearchStudy) -> dict[str, float]:
    """How much of the variance of values each key explains, by PED-ANOVA; the largest first.

    Empty with fewer than four values, with one key alone, where all values are the same, and where
    a trial has several.
    Reference: Watanabe, Bansal and Hutter, "PED-ANOVA", IJCAI 2023.
    """
    import optuna

    if len(study.objectives) > 1:
        return {}
    done = [each for each in study.trials() if each.state.name == "COMPLETE"]
    if len(done) < 4 or len({each.value for each in done}) < 2 or len(study.space.dimensions) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = optuna.importance.get_param_importances(
            study.study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
    return {key: float(share) for key, share in found.items()}
