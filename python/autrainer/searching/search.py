"""A sweep whose combinations a study proposes, each after it has seen the values of others.

The sweeper that Hydra finds, `hydra_plugins.autrainer_sweeper`, is a thin class around this.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from autrainer.callbacks.study_storage import require_optuna
from autrainer.config.hydra.outcomes import Outcome
from autrainer.config.hydra.pools import GrowingPool, WorkerCluster, WorkerPool
from autrainer.config.hydra.sweep import Sweep
from autrainer.config.hydra.sweep_points import Point
from autrainer.errors import ConfigError, FailedElsewhereError, RunInUseError, message_of
from autrainer.runs.elsewhere import LOOK_EVERY_S
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.status import PRUNED, STOPPED
from autrainer.searching.objectives import TRACKING_METRIC, objectives_of, values_of
from autrainer.searching.plan import SearchPlan
from autrainer.searching.progress import Progress
from autrainer.searching.result import SearchResult
from autrainer.searching.settings import SearchSettings
from autrainer.searching.space import SearchSpace
from autrainer.searching.study import SearchStudy, Trial
from autrainer.searching.trial_composer import TrialComposer
from autrainer.searching.worker import SearchWorker

log = logging.getLogger(__name__)

MOST_LEFT_OUT = 100
"""So many trials in a row may be left out by filters."""


class Search(Sweep):
    """Trains what a study proposes: one trial after the other, or as many as a pool has slots.

    Several commands may work on a study, and jobs of a cluster: each asks for trials until there
    are enough. The arguments are those of `Sweep`.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._trial_composer = TrialComposer(self.context.config_loader, self.config)
        self._composer = self._trial_composer
        self._plan: SearchPlan | None = None
        self._study: SearchStudy | None = None
        self._trials: dict[Path, Trial] = {}

    def search(self, space: SearchSpace, settings: SearchSettings) -> list[Any]:
        """Train trials until the study has as many as it is to have.

        Raises:
            ConfigError: if a combination of the space cannot be used; nothing has run then.
            MissingExtraError: if Optuna is not installed.
            OutputError: if the folder of the results cannot be written.
            RunInUseError: if others change the study for too long.
            SystemExit: if runs failed; why has been written to stderr.
        """
        require_optuna()
        probes = self._probes(space, settings)
        objectives = objectives_of(settings, probes[0].config)
        if self.hooks.collect is not None:
            self.hooks.collect(probes)
            return []
        self._save_config()
        runs = Path(str(self.config.hydra.sweep.dir))
        self._begin(SearchPlan.of(space, settings, objectives, probes[0], runs))
        try:
            self._run_all(probes)
        finally:
            self._opened.leave()
        return [outcome.value for outcome in self.outcomes]

    def work(self, plan: SearchPlan, pool: WorkerPool) -> dict[str, str]:
        """Train trials as a worker of a cluster, until nothing is left or it is asked to end.

        Args:
            plan: What the command that has submitted it searches.
            pool: Trains them.

        Returns:
            Why trials have failed, by the names of their run folders.
        """
        self._begin(plan, pool.name)
        try:
            self._run_in(pool)
        finally:
            self._opened.leave()
        failed = [(outcome.directory.name, outcome.error) for outcome in self.outcomes]
        return {
            name: f"{type(error).__name__}: {message_of(error)}"
            for name, error in failed
            if error is not None and not isinstance(error, RunInUseError)
        }

    def _probes(self, space: SearchSpace, settings: SearchSettings) -> list[Point]:
        """Points in which every choice and every end of an interval comes up.

        Raises:
            ConfigError: if one of them cannot run.
        """
        self._trial_composer.study_name = settings.study_name
        combinations = [space.overrides(values) for values in space.probes()]
        for number, overrides in enumerate(combinations):
            self._trial_composer.place(overrides, number)
        return self._points(combinations)

    def _begin(self, plan: SearchPlan, worker: str | None = None) -> None:
        self._plan, self._study = plan, plan.open(worker)
        self._trial_composer.study_name = plan.settings.study_name
        self._trial_composer.trial = plan.trial

    def _run_all(self, probes: Sequence[Point]) -> None:
        study = self._opened
        self._place_finished()
        is_open = bool(study.num_left() or study.num_elsewhere())
        try:
            with self._pool(probes if is_open else []) as pool:
                if is_open:
                    self._check_classes(probes, pool)
                    self._watch()
                if isinstance(pool, WorkerCluster):
                    self._submit(pool)
                else:
                    assert pool is None or isinstance(pool, GrowingPool)
                    self._run_until_others_end(pool)
        finally:
            self._place_finished("finished elsewhere")
            self._place_failed()
            self.outcomes = self._so_far()
            self._report()

    def _place_finished(self, state: str = "finished before") -> None:
        """Trials that have ended have outcomes, which this process need not have trained."""
        for number, name in self._opened.finished().items():
            self._place_other(number, name, state)

    def _place_failed(self) -> None:
        """Trials that have failed in other processes meanwhile have failed."""
        for number, (name, told) in self._opened.failures().items():
            self._place_other(number, name, "failed", FailedElsewhereError(told))

    def _place_other(
        self, number: int, name: str, state: str, error: Exception | None = None
    ) -> None:
        directory = Path(str(self.config.hydra.sweep.dir), name)
        if directory not in self._order:
            params = self._opened.trials()[number].params
            overrides = self._planned.space.overrides(params)
            self._place(Outcome(overrides, directory, state, error=error), number)

    def _submit(self, cluster: WorkerCluster) -> None:
        """Let jobs of a cluster search."""
        self._opened.say_what_is_wanted()
        cluster.search(
            SearchWorker.of(self._planned, self.config, self.context, self.filters, self.hooks),
            Progress(self._opened),
        )

    def _run_until_others_end(self, pool: GrowingPool | None) -> None:
        """Train trials, and those that other commands leave behind meanwhile."""
        while True:
            if pool is None:
                self._run_here()
            else:
                pool.expect(self._opened.num_left())
                self._run_in(pool)
            if self._is_over or not self._others_leave_some():
                return

    def _others_leave_some(self) -> bool:
        """Wait until other commands have ended their trials; whether they have left one behind."""
        told = False
        while (number := self._opened.num_elsewhere()) and not self._opened.num_abandoned():
            if not told:
                log.info("Waiting for trials that other commands train: %d", number)
            told = True
            time.sleep(LOOK_EVERY_S)
        return self._opened.num_abandoned() > 0

    def _run_here(self) -> None:
        """Train one trial after the other."""
        while (point := self._next()) is not None:
            before = len(self.outcomes)
            self._launch([point], initial=self._trials[point.directory].number)
            for outcome in self.outcomes[before:]:
                self._tell(outcome)
            if self._is_over:
                return

    def _run_in(self, pool: GrowingPool) -> None:
        """Train as many trials at once as there are slots; each that ends asks for another."""
        points: list[Point] = []
        while len(points) < pool.num_slots and (point := self._next()) is not None:
            points.append(point)

        def report(outcome: Outcome) -> None:
            self.outcomes.append(outcome)
            self._tell(outcome)
            if outcome.state in ("interrupted", "waiting") or self._is_over:
                return
            if (point := self._next()) is not None:
                pool.add(point, self._trials[point.directory].number)

        composed = partial(self._composed_job, logs_to_pool=pool.logs_to_pool)
        numbers = [self._trials[point.directory].number for point in points]
        if points:
            pool.train(points, composed, report, first=numbers[0])

    @property
    def _opened(self) -> SearchStudy:
        assert self._study is not None
        return self._study

    @property
    def _planned(self) -> SearchPlan:
        assert self._plan is not None
        return self._plan

    @property
    def _is_over(self) -> bool:
        return self._planned.fails_fast and any(outcome.error for outcome in self.outcomes)

    def _next(self) -> Point | None:
        """The next trial that is to be trained; what happens to others is told the study."""
        left_out = 0
        while (trial := self._opened.ask()) is not None:
            twin = self._opened.twin_of(trial)
            if twin is not None:
                told = "Trial %d has the values of trial %d, and takes its result"
                log.info(told, trial.number, twin)
                continue
            point = self._point_of(trial)
            if point is not None:
                return point
            if self._is_over:
                return None
            left_out = left_out + 1 if self._opened.is_left_out(trial.number) else 0
            if left_out >= MOST_LEFT_OUT:
                raise ConfigError(
                    f"the filters have left out {left_out} trials in a row; search another space, "
                    "or change hydra.sweeper.filters"
                )
        return None

    def _point_of(self, trial: Trial) -> Point | None:
        """The point of a trial; None if it is not to be trained."""
        overrides = self._planned.space.overrides(trial.values)
        self._trial_composer.place(overrides, trial.number)
        before = len(self.outcomes)
        try:
            points = self._points([overrides])
            directory = points[0].directory if points else None
            if directory is not None:
                self._opened.begin(trial, directory.name)
                self._trials[directory], self._order[directory] = trial, trial.number
            selected = self._selected(points)
        except ConfigError as error:
            directory = Path(
                str(self.config.hydra.sweep.dir),
                f"{self._trial_composer.study_name}-{trial.number}",
            )
            log.error("\tfailed: %s", error)
            self._trials[directory] = trial
            self._place(Outcome(overrides, directory, "failed", error=error), trial.number)
            self._tell(self.outcomes[-1])
            return None
        if selected:
            self._left = [*self._left, *selected]
            return selected[0]
        if len(self.outcomes) > before:
            self._tell(self.outcomes[-1])
        else:
            self._opened.leave_out(trial.number)
        return None

    def _place(self, outcome: Outcome, number: int) -> None:
        self.outcomes.append(outcome)
        self._order[outcome.directory] = number

    def _tell(self, outcome: Outcome) -> None:
        """Tell the study how a trial has ended; one that was interrupted is run again."""
        number, study = self._trials[outcome.directory].number, self._opened
        record = RunRecord(outcome.directory)
        if isinstance(outcome.error, RunInUseError):
            study.refuse(number)
        elif outcome.error is not None:
            study.fail(number, f"{type(outcome.error).__name__}: {message_of(outcome.error)}")
            if self._planned.fails_fast:
                study.stop_all()
        elif outcome.state not in ("done", "finished before"):
            return
        elif was_pruned(record):
            study.prune(number)
        else:
            study.complete(number, values_of(record, study.objectives))

    def _report(self) -> None:
        try:
            super()._report()
        finally:
            if self.hooks.report_search is not None:
                result = SearchResult.of(
                    self._opened, self._names(), has_plots=self._planned.has_plots
                )
                self.hooks.report_search(result)

    def _names(self) -> list[str]:
        """Names of the values of a trial; one that is alone is that of the tracking metric."""
        objectives = list(self._opened.objectives)
        if objectives != [TRACKING_METRIC]:
            return objectives
        names = (RunRecord(outcome.directory).tracking_metric for outcome in self.outcomes)
        return [next((name for name in names if name), "value")]


def was_pruned(record: RunRecord) -> bool:
    """Whether a search has given up a run."""
    status = record.status
    return status.get("state") == STOPPED and str(status.get("reason")).startswith(PRUNED)
