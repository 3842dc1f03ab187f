"""A sweep whose combinations a study proposes, each after it has seen the values of others.

The sweeper that Hydra finds, `hydra_plugins.autrainer_sweeper`, is a thin class around this.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from autrainer.callbacks.pruning import require_optuna
from autrainer.config.hydra.composer import Composer
from autrainer.config.hydra.sweep import Outcome, Sweep
from autrainer.config.hydra.sweep_points import Point
from autrainer.config.identity import identity
from autrainer.errors import ConfigError, message_of
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.status import PRUNED, STOPPED
from autrainer.searching.objectives import TRACKING_METRIC, objectives_of, values_of
from autrainer.searching.result import SearchResult
from autrainer.searching.settings import SearchSettings
from autrainer.searching.space import SearchSpace
from autrainer.searching.study import JOURNAL, SearchStudy, Trial

log = logging.getLogger(__name__)

STUDIES = "studies"
"""Folder beside that of the runs, with a folder for each study."""
MOST_LEFT_OUT = 100
"""So many trials in a row may be left out by filters."""


class Search(Sweep):
    """Trains what a study proposes: one trial after the other, or as many as a pool has slots.

    The arguments are those of `Sweep`.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._trial_composer = TrialComposer(self.context.config_loader, self.config)
        self._composer = self._trial_composer
        self._study: SearchStudy | None = None
        self._trials: dict[Path, Trial] = {}
        self._twins: list[tuple[Trial, int]] = []
        self._fails_fast = self._has_plots = False
        self._objectives: Mapping[str, str] = {}

    def search(self, space: SearchSpace, settings: SearchSettings) -> list[Any]:
        """Train trials until the study has as many as it is to have.

        Raises:
            ConfigError: if a combination of the space cannot be used; nothing has run then.
            MissingExtraError: if Optuna is not installed.
            OutputError: if the folder of the results cannot be written.
            RunInUseError: if another process works on the study.
            SystemExit: if runs failed; why has been written to stderr.
        """
        require_optuna()
        probes = self._probes(space, settings)
        self._objectives = objectives_of(settings, probes[0].config)
        if self.hooks.collect is not None:
            self.hooks.collect(probes)
            return []
        self._save_config()
        training = Path(str(self.config.hydra.sweep.dir))
        folder = training.parent / STUDIES / settings.study_name
        folder.mkdir(parents=True, exist_ok=True)
        lock = RunLock(folder)
        try:
            self._open(folder, space, settings, probes[0])
            self._run_all(probes)
        finally:
            lock.release()
        return [outcome.value for outcome in self.outcomes]

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

    def _open(
        self, folder: Path, space: SearchSpace, settings: SearchSettings, probe: Point
    ) -> None:
        keys = [each.key for each in space.dimensions]
        iterations, every = probe.config.get("iterations"), probe.config.get("eval_frequency")
        self._study = SearchStudy(
            folder,
            settings,
            space,
            self._objectives,
            without(identity(probe.config), keys),
            -(-int(iterations or 1) // int(every or 1)),
        )
        if settings.pruner != "none":
            self._trial_composer.trial = {
                "journal": str((folder / JOURNAL).absolute()),
                "study": settings.study_name,
                "pruner": settings.pruner,
                "options": dict(settings.pruner_options or {}),
            }
        self._has_plots = probe.run is not None and probe.run.plotting.is_on
        self._fails_fast = bool(probe.config.get("fail_fast"))

    def _run_all(self, probes: Sequence[Point]) -> None:
        study = self._opened
        for number, name in study.finished().items():
            directory = Path(str(self.config.hydra.sweep.dir), name)
            overrides = self._opened.space.overrides(study.trials()[number].params)
            self._place(Outcome(overrides, directory, "finished before"), number)
        left = study.num_left()
        try:
            with self._pool(probes if left else []) as pool:
                if left:
                    self._check_classes(probes, pool)
                    self._watch()
                if pool is None:
                    self._run_here()
                else:
                    pool.expect(left)
                    self._run_in(pool)
        finally:
            self.outcomes = self._so_far()
            self._report()

    def _run_here(self) -> None:
        """Train one trial after the other."""
        while (point := self._next()) is not None:
            before = len(self.outcomes)
            self._launch([point], initial=self._trials[point.directory].number)
            for outcome in self.outcomes[before:]:
                self._tell(outcome)
            if self._is_over:
                return

    def _run_in(self, pool: Any) -> None:
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

        numbers = [self._trials[point.directory].number for point in points]
        if points:
            pool.train(points, self._composed_job, report, first=numbers[0])

    @property
    def _opened(self) -> SearchStudy:
        assert self._study is not None
        return self._study

    @property
    def _is_over(self) -> bool:
        return self._fails_fast and any(outcome.error for outcome in self.outcomes)

    def _next(self) -> Point | None:
        """The next trial that is to be trained; what happens to others is told the study."""
        left_out = 0
        while (trial := self._opened.ask()) is not None:
            twin = self._opened.twin_of(trial)
            if twin is not None:
                self._take_from(trial, twin)
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

    def _take_from(self, trial: Trial, twin: int) -> None:
        """A trial with the values of another one has its result, as soon as that is known."""
        log.info("Trial %d has the values of trial %d, and takes its result", trial.number, twin)
        if not self._opened.copy(trial, twin):
            self._twins.append((trial, twin))

    def _point_of(self, trial: Trial) -> Point | None:
        """The point of a trial; None if it is not to be trained."""
        overrides = self._opened.space.overrides(trial.values)
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
        trial = self._trials[outcome.directory]
        study, record = self._opened, RunRecord(outcome.directory)
        if outcome.error is not None:
            study.fail(trial.number, f"{type(outcome.error).__name__}: {message_of(outcome.error)}")
        elif outcome.state not in ("done", "finished before"):
            return
        elif was_pruned(record):
            study.prune(trial.number)
        else:
            study.complete(trial.number, values_of(record, study.objectives))
        waiting, self._twins = self._twins, []
        for twin, other in waiting:
            if not study.copy(twin, other):
                self._twins.append((twin, other))

    def _report(self) -> None:
        try:
            super()._report()
        finally:
            if self.hooks.report_search is not None:
                result = SearchResult.of(self._opened, self._names(), has_plots=self._has_plots)
                self.hooks.report_search(result)

    def _names(self) -> list[str]:
        """Names of the values of a trial; one that is alone is that of the tracking metric."""
        objectives = list(self._opened.objectives)
        if objectives != [TRACKING_METRIC]:
            return objectives
        names = (RunRecord(outcome.directory).tracking_metric for outcome in self.outcomes)
        return [next((name for name in names if name), "value")]


class TrialComposer(Composer):
    """Composes as a sweep does, and tells each run which trial it is.

    The name of the run folder of a trial ends with the name of the study and its number, whatever
    else it is made of. Where the study prunes, `hydra.sweeper.trial` says where the run finds it.

    Args:
        loader: Hydra's loader.
        main: The main configuration with its `hydra` node.
    """

    def __init__(self, loader: Any, main: DictConfig) -> None:
        super().__init__(loader, main)
        self.study_name = ""
        self.trial: dict[str, Any] | None = None
        self._numbers: dict[tuple[str, ...], int] = {}

    def place(self, overrides: Sequence[str], number: int) -> None:
        """From here on these overrides are the trial of this number."""
        self._numbers[tuple(overrides)] = number

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """The configuration of a trial with its `hydra` node."""
        found = super().compose(overrides)
        number = self._numbers[tuple(overrides)]
        subdir = found.hydra.sweep._get_node("subdir")._value()
        with open_dict(found):
            found.hydra.sweep.subdir = f"{subdir}_{self.study_name}-{number}"
            if self.trial is not None:
                found.hydra.sweeper = OmegaConf.merge(
                    found.hydra.sweeper, {"trial": {**self.trial, "number": number}}
                )
        return found


def was_pruned(record: RunRecord) -> bool:
    """Whether a search has given up a run."""
    status = record.status
    return status.get("state") == STOPPED and str(status.get("reason")).startswith(PRUNED)


def without(config: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """A configuration without some of its keys, which may be dotted."""
    left: dict[str, Any] = {}
    for key, value in config.items():
        if key in keys:
            continue
        below = [each.partition(".")[2] for each in keys if each.startswith(f"{key}.")]
        left[key] = without(value, below) if below and isinstance(value, Mapping) else value
    return left
