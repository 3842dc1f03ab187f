"""A study of Optuna in a folder: proposes trials, takes their values, and is gone on with."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.callbacks.pruning import build_pruner, class_of, make, open_storage
from autrainer.errors import ConfigError
from autrainer.runs.extras import require
from autrainer.searching.settings import (
    DEFAULT_TRIALS,
    GRID,
    MAXIMIZE,
    SAMPLERS,
    SearchSettings,
)
from autrainer.searching.space import SearchSpace, Value

JOURNAL = "journal.log"
_ORIGIN = "autrainer"
_FOLDER, _FILTERED, _SAME_AS, _ERROR = "folder", "filtered", "same_as", "error"


@dataclass(frozen=True)
class Trial:
    """A trial that is to be trained.

    Args:
        number: Its number in the study.
        values: What has been proposed, by key.
    """

    number: int
    values: Mapping[str, Value]


class SearchStudy:
    """A study, opened by the one process that asks for trials.

    Each trial is proposed by a sampler of its own, whose seed follows from `seed` and the number of
    the trial: a study that is gone on with gets what it would have got without a break, as long as
    trials are trained one after the other.

    Args:
        folder: Folder of the study.
        settings: How the search is done.
        space: What it chooses from.
        objectives: `minimize` or `maximize` for each value of a trial, by its name.
        origin: The configuration of the trials without what is searched; JSON can hold it.
        num_evaluations: How often a run is evaluated.

    Raises:
        ConfigError: if the study that is there is another one.
        MissingExtraError: if Optuna is not installed.
    """

    def __init__(
        self,
        folder: Path,
        settings: SearchSettings,
        space: SearchSpace,
        objectives: Mapping[str, Any],
        origin: Mapping[str, Any],
        num_evaluations: int,
    ) -> None:
        storage = open_storage(folder / JOURNAL)
        import optuna

        self.folder = folder
        self.settings = settings
        self.space = space
        self._distributions = space.distributions()
        self._grid = space.grid() if settings.sampler == GRID else None
        self._sampler(0)
        self._study: Any = optuna.create_study(
            storage=storage,
            study_name=settings.study_name,
            pruner=build_pruner(settings.pruner, settings.pruner_options or {}, num_evaluations),
            directions=list(objectives.values()),
            load_if_exists=True,
        )
        self._states = optuna.trial.TrialState
        self.objectives = dict(objectives)
        self._refuse_another(origin)
        self._again = [each for each in self._trials() if each.state == self._states.RUNNING]
        self._failed_before = {
            each.number for each in self._trials() if each.state == self._states.FAIL
        }

    @property
    def are_maximized(self) -> list[bool]:
        """Of which objectives larger values are better."""
        return [direction == MAXIMIZE for direction in self.objectives.values()]

    @property
    def study(self) -> Any:
        """Optuna's own object."""
        return self._study

    @property
    def limit(self) -> int:
        """How many trials this study is to have."""
        wanted = self.settings.n_trials
        if self._grid is not None:
            return min(wanted or len(self._grid), len(self._grid))
        return wanted or DEFAULT_TRIALS

    def num_left(self) -> int:
        """How many trials are still to be trained, those that were interrupted among them."""
        counted = [each for each in self._trials() if self._counts(each)]
        return max(0, self.limit - len(counted)) + len(self._again)

    def ask(self) -> Trial | None:
        """The next trial: one that was interrupted, or a new one; None if there are enough."""
        if self._again:
            found = self._again.pop(0)
            return Trial(found.number, dict(found.params))
        if sum(map(self._counts, self._trials())) >= self.limit:
            return None
        if self._grid is not None:
            values = self._next_of(self._grid)
            if values is None:
                return None
            self._study.enqueue_trial(values)
        self._study.sampler = self._sampler(len(self._trials()))
        asked = self._study.ask(self._distributions)
        return Trial(asked.number, dict(asked.params))

    def twin_of(self, trial: Trial) -> int | None:
        """An earlier trial with the same values that has a value or is at work, or None."""
        states = (self._states.COMPLETE, self._states.RUNNING)
        for each in self._trials():
            if each.number >= trial.number:
                return None
            same = each.params == trial.values and _SAME_AS not in each.user_attrs
            if same and each.state in states:
                return int(each.number)
        return None

    def begin(self, trial: Trial, folder: str) -> None:
        """Keep the name of the run folder of a trial."""
        self._set(trial.number, _FOLDER, folder)

    def complete(self, number: int, values: Mapping[str, float | None]) -> None:
        """Tell the values of a trial by their names; where one is missing it has failed."""
        missing = [name for name, value in values.items() if value is None or math.isnan(value)]
        if missing:
            self.fail(number, f"{', '.join(missing)} was no number in any evaluation")
        else:
            self._study.tell(number, list(values.values()))

    def copy(self, trial: Trial, twin: int) -> bool:
        """Tell the value of another trial with the same values; False if that one has none yet."""
        found = self._trials()[twin]
        if found.state == self._states.RUNNING:
            return False
        self._set(trial.number, _SAME_AS, twin)
        self._study.tell(trial.number, found.values, state=found.state)
        return True

    def prune(self, number: int) -> None:
        """A trial has been ended early."""
        self._study.tell(number, state=self._states.PRUNED)

    def leave_out(self, number: int) -> None:
        """A filter has left a trial out; samplers take it for a bad one, and it does not count."""
        self._set(number, _FILTERED, True)
        self.prune(number)

    def fail(self, number: int, reason: str) -> None:
        """A trial has failed."""
        self._set(number, _ERROR, reason)
        self._study.tell(number, state=self._states.FAIL)

    def is_left_out(self, number: int) -> bool:
        """Whether a filter has left a trial out."""
        return _FILTERED in self._trials()[number].user_attrs

    def finished(self) -> dict[int, str]:
        """Run folders of trials that have a value or were pruned, by number."""
        return {
            each.number: each.user_attrs[_FOLDER]
            for each in self._trials()
            if each.state in (self._states.COMPLETE, self._states.PRUNED)
            and _FOLDER in each.user_attrs
        }

    def trials(self) -> list[Any]:
        """All trials as Optuna has them."""
        return self._trials()

    def _next_of(self, grid: list[dict[str, Value]]) -> dict[str, Value] | None:
        """The first combination of a grid that no trial has."""
        tried = [each.params for each in self._trials() if each.number not in self._failed_before]
        return next((values for values in grid if values not in tried), None)

    def _counts(self, trial: Any) -> bool:
        """Whether a trial is one of `n_trials`: those that failed in earlier commands are made up
        for, and those at work now are known by their number.
        """
        is_again = any(each.number == trial.number for each in self._again)
        is_waiting = trial.state == self._states.WAITING
        left_out = trial.number in self._failed_before or _FILTERED in trial.user_attrs
        return not (is_again or is_waiting or left_out)

    def _sampler(self, number: int) -> Any:
        """The sampler that proposes the trial of this number."""
        import numpy as np
        from optuna import samplers

        settings = self.settings
        if settings.sampler == GRID:
            return samplers.RandomSampler(0)
        seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
        arguments: dict[str, Any] = {"seed": seed}
        if settings.sampler == "cmaes":
            require("cmaes", "hydra.sweeper.sampler=cmaes", "cmaes", "optuna")
            arguments |= {
                "independent_sampler": samplers.RandomSampler(seed),
                "warn_independent_sampling": False,
            }
        made = class_of(samplers, "hydra.sweeper.sampler", settings.sampler, SAMPLERS)
        arguments |= settings.sampler_options or {}
        return make(made, "hydra.sweeper.sampler", settings.sampler, arguments)

    def _refuse_another(self, origin: Mapping[str, Any]) -> None:
        directions = list(self.objectives.values())
        own = {
            "searched keys": self.space.describe(),
            "direction": directions[0] if len(directions) == 1 else self.objectives,
            "configuration": json.loads(json.dumps(origin, default=str)),
        }
        before = self._study.user_attrs.get(_ORIGIN)
        if before is None:
            self._study.set_user_attr(_ORIGIN, own)
            return
        found = [
            f"  {each}: {there!r} (there), {here!r} (here)"
            for each, there, here in _differences(before, own)
        ]
        if found:
            raise ConfigError(
                f"the study in {self.folder} is another one; it differs in\n"
                + "\n".join(found[:5])
                + "\ngive this one a hydra.sweeper.study_name or an experiment_id of its own"
            )

    def _trials(self) -> list[Any]:
        found: list[Any] = self._study.get_trials(deepcopy=False)
        return found

    def _set(self, number: int, key: str, value: Any) -> None:
        identity = self._trials()[number]._trial_id
        self._study._storage.set_trial_user_attr(identity, key, value)


def _differences(a: Any, b: Any, prefix: str = "") -> list[tuple[str, Any, Any]]:
    if not (isinstance(a, Mapping) and isinstance(b, Mapping)):
        return [] if a == b else [(prefix, a, b)]
    return [
        found
        for key in dict.fromkeys([*a, *b])
        for found in _differences(a.get(key), b.get(key), f"{prefix}.{key}" if prefix else key)
    ]
