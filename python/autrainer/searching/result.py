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
        value: Its value, or the last one reported; None if there is none.
        params: What was chosen, by key.
        folder: Name of its run folder; empty if it has none of its own.
    """

    number: int
    state: str
    value: float | None
    params: Mapping[str, Any]
    folder: str


@dataclass(frozen=True)
class SearchResult:
    """What a search has found.

    Args:
        folder: Folder of the study.
        name: Name of the study.
        metric: Name of the tracking metric.
        is_maximized: Whether larger values are better.
        trials: All trials, by number.
        best: The best of them, or None.
        overrides: What was chosen for the best trial, as overrides.
        importances: How much of the variance of the values each searched key explains, shares of
            1; empty where that cannot be told.
        has_plots: Whether plots are wanted.
    """

    folder: Path
    name: str
    metric: str
    is_maximized: bool
    trials: Sequence[TrialLine]
    best: TrialLine | None
    overrides: Sequence[str]
    importances: Mapping[str, float]
    has_plots: bool

    @classmethod
    def of(cls, study: SearchStudy, metric: str, *, has_plots: bool = True) -> SearchResult:
        """Read a study."""
        lines = [_line(each) for each in study.trials()]
        done = [each for each in lines if each.state == "complete" and each.value is not None]
        sign = 1 if study.is_maximized else -1
        best = max(done, key=lambda each: sign * (each.value or 0.0), default=None)
        return cls(
            study.folder,
            study.settings.study_name,
            metric,
            study.is_maximized,
            lines,
            best,
            [] if best is None else study.space.searched(best.params),
            importances(study),
            has_plots,
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
        writer.writerow(["trial", "state", self.metric, *keys, "folder"])
        for each in self.trials:
            value = "" if each.value is None else repr(each.value)
            chosen = [each.params.get(key, "") for key in keys]
            writer.writerow([each.number, each.state, value, *chosen, each.folder])
        write_text(self.folder / TABLE, text.getvalue())
        return self.folder / TABLE


def _line(trial: Any) -> TrialLine:
    state = SHOWN_STATES.get(trial.state.name, trial.state.name.lower())
    if "filtered" in trial.user_attrs:
        state = "filtered"
    folder = str(trial.user_attrs.get("folder", ""))
    return TrialLine(trial.number, state, trial.value, dict(trial.params), folder)


def importances(study: SearchStudy) -> dict[str, float]:
    """How much of the variance of values each key explains, by PED-ANOVA; the largest first.

    Empty with fewer than four values, with one key alone, and where all values are the same.
    Reference: Watanabe, Bansal and Hutter, "PED-ANOVA", IJCAI 2023.
    """
    import optuna

    done = [each for each in study.trials() if each.state.name == "COMPLETE"]
    if len(done) < 4 or len({each.value for each in done}) < 2 or len(study.space.dimensions) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = optuna.importance.get_param_importances(
            study.study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
    return {key: float(share) for key, share in found.items()}
