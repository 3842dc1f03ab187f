"""A study of Optuna in a folder: proposes trials, takes their values, and is gone on with.

Several processes may have it open. What it says of itself is read and changed by one at a time.
"""

from __future__ import annotations

import json
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.callbacks.pruning import build_pruner
from autrainer.callbacks.study_storage import open_storage
from autrainer.runs.elsewhere import MOST_TRIES
from autrainer.runs.locking.holders import holder_of
from autrainer.searching.proposing import refuse_another, sampler_of
from autrainer.searching.settings import DEFAULT_TRIALS, GRID, MAXIMIZE, SearchSettings
from autrainer.searching.sharing import StudyWorker, forget_dead, lives, turn
from autrainer.searching.space import SearchSpace, Value

log = logging.getLogger(__name__)

JOURNAL = "journal.log"
MOST_LOST = 3
"""A trial fails that so many workers of a cluster have begun and not lived to end."""

_ORIGIN = "autrainer"
_FOLDER, _FILTERED, _SAME_AS, _ERROR = "folder", "filtered", "same_as", "error"
_WORKER, _LOST = "worker", "lost"
_WANTED, _OVER, _GONE = "wanted", "over", "gone"


@dataclass(frozen=True)
class Trial:
    """A trial that is to be trained.

    Args:
        number: Its number in the study.
        values: What has been proposed, by key.
    """

    number: int
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Wanted:
    """What a command wants of a study.

    Args:
        num_trials: How many trials it is to have; None for the usual number.
        made_up_for: Trials that failed in earlier commands; others are trained in their places.
    """

    num_trials: int | None
    made_up_for: Sequence[int] = ()


class SearchStudy:
    """A study, as one of the processes that work on it has it open.

    Each trial is proposed by a sampler of its own, whose seed follows from `seed` and the number of
    the trial, not from who has asked for it: a study that is gone on with gets what it would have
    got without a break, as long as trials are trained one after the other. With several at once,
    random values and grids stay the same; what learns from values depends on which are known.

    Args:
        folder: Folder of the study.
        settings: How the search is done.
        space: What it chooses from.
        objectives: `minimize` or `maximize` for each value of a trial, by its name.
        origin: The configuration of the trials without what is searched; JSON can hold it.
        num_evaluations: How often a run is evaluated.
        runs: Where the run folders lie.
        worker: Name of this process as a worker of a cluster, which does what the last command has
            said that it wants; None for a command.

    Raises:
        ConfigError: if the study that is there is another one.
        MissingExtraError: if Optuna is not installed.
        RunInUseError: if others change the study for too long.
    """

    def __init__(
        self,
        folder: Path,
        settings: SearchSettings,
        space: SearchSpace,
        objectives: Mapping[str, Any],
        origin: Mapping[str, Any],
        num_evaluations: int,
        *,
        runs: Path,
        worker: str | None = None,
    ) -> None:
        storage = open_storage(folder / JOURNAL)
        import optuna

        self.folder = folder
        self.settings = settings
        self.space = space
        self.objectives = dict(objectives)
        self._runs = runs
        self._distributions = space.distributions()
        self._grid = space.grid() if settings.sampler == GRID else None
        self._states = optuna.trial.TrialState
        sampler_of(settings, 0)
        self._follows = worker is not None
        with turn(folder):
            self._study: Any = optuna.create_study(
                storage=storage,
                study_name=settings.study_name,
                pruner=build_pruner(
                    settings.pruner, settings.pruner_options or {}, num_evaluations
                ),
                directions=list(objectives.values()),
                load_if_exists=True,
            )
            self._refuse_another(origin)
            failed = [each.number for each in self._trials() if each.state == self._states.FAIL]
            self._own = Wanted(settings.n_trials, failed)
            self._worker = StudyWorker(folder, worker)
            forget_dead(folder)
        self._held: set[int] = set()
        self._refused: Counter[int] = Counter()

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
        wanted = self._wanted.num_trials
        if self._grid is not None:
            return min(wanted or len(self._grid), len(self._grid))
        return wanted or DEFAULT_TRIALS

    @property
    def is_over(self) -> bool:
        """Whether a worker of a cluster has said that no more trials are wanted."""
        return self._follows and bool(self._study.user_attrs.get(_OVER))

    def say_what_is_wanted(self) -> None:
        """Let workers of a cluster, those that are at work too, do what this command wants."""
        with turn(self.folder):
            own = {"num_trials": self._own.num_trials, "made_up_for": [*self._own.made_up_for]}
            self._study.set_user_attr(_WANTED, own)
            self._study.set_user_attr(_OVER, False)
            for each in self._abandoned():
                self._set(each.number, _LOST, 0)

    def stop_all(self) -> None:
        """Let workers of a cluster begin no more trials, until a command wants some."""
        with turn(self.folder):
            self._study.set_user_attr(_OVER, True)

    def has_left(self, worker: str) -> bool:
        """Whether a worker of a cluster has found nothing left to do, and ends."""
        return worker in self._study.user_attrs.get(_GONE, ())

    def num_left(self) -> int:
        """How many trials are still to be begun, those that nobody works on any more among them."""
        counted = [each for each in self._trials() if self._counts(each)]
        return max(0, self.limit - len(counted)) + self.num_abandoned()

    def num_abandoned(self) -> int:
        """How many trials have been begun, and nobody works on them any more."""
        return sum(1 for _ in self._abandoned())

    def num_elsewhere(self) -> int:
        """How many trials other processes work on."""
        return sum(
            each.number not in self._held and self._is_at_work(each)
            for each in self._trials()
            if each.state == self._states.RUNNING and _SAME_AS not in each.user_attrs
        )

    def ask(self) -> Trial | None:
        """The next trial: one that nobody works on any more, or a new one; None if all are there.

        Raises:
            RunInUseError: if others change the study for too long.
        """
        with turn(self.folder):
            self._settle()
            found = None if self.is_over else self._again()
            if found is None and not self.is_over:
                found = self._new()
            if found is None:
                self._note_gone(is_gone=True)
                return None
            self._note_gone(is_gone=False)
            self._set(found.number, _WORKER, self._worker.name)
            self._held.add(found.number)
            return found

    def twin_of(self, trial: Trial) -> int | None:
        """An earlier trial with the same values that has a value or is at work, or None.

        The trial has its result then, as soon as that is known, whoever comes to know it.
        """
        states = (self._states.COMPLETE, self._states.RUNNING)
        with turn(self.folder):
            for each in self._trials()[: trial.number]:
                same = each.params == trial.values and _SAME_AS not in each.user_attrs
                if same and each.state in states:
                    self._set(trial.number, _SAME_AS, each.number)
                    self._held.discard(trial.number)
                    self._settle()
                    return int(each.number)
        return None

    def begin(self, trial: Trial, folder: str) -> None:
        """Keep the name of the run folder of a trial."""
        with turn(self.folder):
            if self._is_ours(trial.number):
                self._set(trial.number, _FOLDER, folder)

    def complete(self, number: int, values: Mapping[str, float | None]) -> None:
        """Tell the values of a trial by their names; where one is missing it has failed."""
        missing = [name for name, value in values.items() if value is None or math.isnan(value)]
        if missing:
            self.fail(number, f"{', '.join(missing)} was no number in any evaluation")
        else:
            self._tell(number, values=list(values.values()))

    def prune(self, number: int) -> None:
        """A trial has been ended early."""
        self._tell(number, state=self._states.PRUNED)

    def leave_out(self, number: int) -> None:
        """A filter has left a trial out; samplers take it for a bad one, and it does not count."""
        self._tell(number, state=self._states.PRUNED, note=(_FILTERED, True))

    def fail(self, number: int, reason: str) -> None:
        """A trial has failed."""
        self._tell(number, state=self._states.FAIL, note=(_ERROR, reason))

    def refuse(self, number: int) -> None:
        """Another process works on the run of a trial after all: it is left to it."""
        self._refused[number] += 1
        with turn(self.folder):
            self._let_go(number)

    def leave(self) -> None:
        """Let others have the trials that have not ended; may be called again.

        Raises:
            RunInUseError: if others change the study for too long; they see that this one is gone.
        """
        try:
            if self._held:
                with turn(self.folder):
                    for number in sorted(self._held):
                        self._let_go(number)
        finally:
            self._worker.leave()

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

    def failures(self) -> dict[int, tuple[str, str]]:
        """Run folders of trials that have failed since this was opened, and why, by number."""
        return {
            each.number: (
                each.user_attrs.get(_FOLDER, f"{self.settings.study_name}-{each.number}"),
                str(each.user_attrs.get(_ERROR)),
            )
            for each in self._trials()
            if each.state == self._states.FAIL and each.number not in self._own.made_up_for
        }

    def trials(self) -> list[Any]:
        """All trials as Optuna has them."""
        return self._trials()

    @property
    def _wanted(self) -> Wanted:
        told = self._study.user_attrs.get(_WANTED) if self._follows else None
        return self._own if told is None else Wanted(**told)

    def _tell(self, number: int, *, note: tuple[str, Any] | None = None, **result: Any) -> None:
        """How a trial of this process has ended; one that others have taken is left to them."""
        with turn(self.folder):
            self._held.discard(number)
            if not self._is_ours(number):
                log.warning("Trial %d is left to another process, which has taken it", number)
                return
            if note is not None:
                self._set(number, *note)
            self._study.tell(number, **result)
            self._settle()

    def _settle(self) -> None:
        """Give trials the results of earlier ones with the same values, where these are known."""
        trials = self._trials()
        for each in trials:
            if each.state != self._states.RUNNING or _SAME_AS not in each.user_attrs:
                continue
            twin = trials[each.user_attrs[_SAME_AS]]
            if twin.state.is_finished():
                for key in {_FILTERED, _ERROR} & {*twin.user_attrs}:
                    self._set(each.number, key, twin.user_attrs[key])
                values = twin.values if twin.state == self._states.COMPLETE else None
                self._study.tell(each.number, values, state=twin.state)

    def _again(self) -> Trial | None:
        """A trial that nobody works on any more."""
        for each in self._abandoned():
            trial = self._completed(each)
            lost = int(each.user_attrs.get(_LOST, 0)) + bool(each.user_attrs.get(_WORKER))
            if self._follows and lost >= MOST_LOST:
                told = f"{lost} workers that have begun it have ended without a word"
                log.error("Trial %d fails: %s", each.number, told)
                self._set(each.number, _ERROR, told)
                self._study.tell(each.number, state=self._states.FAIL)
                self._settle()
                continue
            self._set(each.number, _LOST, lost)
            return trial
        return None

    def _abandoned(self) -> Iterator[Any]:
        """Trials that have not ended, and that nobody works on any more."""
        for each in self._trials():
            is_open = each.state == self._states.RUNNING and _SAME_AS not in each.user_attrs
            is_tried = each.number in self._held or self._refused[each.number] >= MOST_TRIES
            if is_open and not is_tried and not self._is_at_work(each):
                yield each

    def _is_at_work(self, trial: Any) -> bool:
        """Whether the process that has asked for a trial lives, or somebody works on its run."""
        worker, folder = trial.user_attrs.get(_WORKER), trial.user_attrs.get(_FOLDER)
        # This process may be the same job as one before it.
        is_other = bool(worker) and worker != self._worker.name
        if is_other and lives(self.folder, worker):
            return True
        return folder is not None and holder_of(self._runs / folder) is not None

    def _new(self) -> Trial | None:
        """A new trial; None if there are enough."""
        if sum(map(self._counts, self._trials())) >= self.limit:
            return None
        waiting = [each for each in self._trials() if each.state == self._states.WAITING]
        # A process that was killed may have left one behind that it had just put there.
        if self._grid is not None and not waiting:
            values = self._next_of(self._grid)
            if values is None:
                return None
            self._study.enqueue_trial(values)
        self._study.sampler = sampler_of(self.settings, len(self._trials()))
        asked = self._study.ask(self._distributions)
        return Trial(asked.number, dict(asked.params))

    def _completed(self, trial: Any) -> Trial:
        """A trial with a value for each key, also if a process was killed that had asked for it."""
        import optuna

        missing = [key for key in self._distributions if key not in trial.params]
        if not missing:
            return Trial(trial.number, dict(trial.params))
        self._study.sampler = sampler_of(self.settings, trial.number)
        again = optuna.trial.Trial(self._study, trial._trial_id)
        for key, distribution in self._distributions.items():
            again._suggest(key, distribution)
        return Trial(trial.number, dict(again.params))

    def _let_go(self, number: int) -> None:
        """A trial that has not ended is nobody's."""
        self._held.discard(number)
        if self._is_ours(number):
            self._set(number, _WORKER, "")

    def _is_ours(self, number: int) -> bool:
        """Whether a trial has not ended, and nobody has taken it from this process."""
        trial = self._trials()[number]
        is_taken = trial.user_attrs.get(_WORKER) != self._worker.name
        return trial.state == self._states.RUNNING and not is_taken

    def _note_gone(self, *, is_gone: bool) -> None:
        """Keep whether this worker of a cluster ends: a command that comes then needs another."""
        if not self._follows:
            return
        gone = list(self._study.user_attrs.get(_GONE, ()))
        if (self._worker.name in gone) != is_gone:
            others = [name for name in gone if name != self._worker.name]
            self._study.set_user_attr(_GONE, [*others, *([self._worker.name] * is_gone)])

    def _next_of(self, grid: list[dict[str, Value]]) -> dict[str, Value] | None:
        """The first combination of a grid that no trial has."""
        made_up_for = self._wanted.made_up_for
        tried = [each.params for each in self._trials() if each.number not in made_up_for]
        return next((values for values in grid if values not in tried), None)

    def _counts(self, trial: Any) -> bool:
        """Whether a trial is one of `n_trials`: those that failed in earlier commands are made up
        for, and those at work now are known by their number.
        """
        left_out = trial.number in self._wanted.made_up_for or _FILTERED in trial.user_attrs
        return not (trial.state == self._states.WAITING or left_out)

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
        else:
            refuse_another(self.folder, before, own)

    def _trials(self) -> list[Any]:
        found: list[Any] = self._study.get_trials(deepcopy=False)
        return found

    def _set(self, number: int, key: str, value: Any) -> None:
        identity = self._trials()[number]._trial_id
        self._study._storage.set_trial_user_attr(identity, key, value)
