"""A sweep: every combination composed once, refused or left out early, run, and reported.

The sweeper that Hydra finds, `hydra_plugins.autrainer_sweeper`, is a thin class around this.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.errors import CompactHydraException
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from autrainer.config.hydra.collector import collecting
from autrainer.config.hydra.compose import HOOKS, SweepHooks
from autrainer.config.hydra.composer import Composer
from autrainer.config.hydra.filters import Filter
from autrainer.config.hydra.internals import JobReturn, runs_here
from autrainer.config.hydra.journal import Journal
from autrainer.config.hydra.outcomes import Outcome, failures, outcome_of, without_result
from autrainer.config.hydra.pools import PointPool
from autrainer.config.hydra.prepared import Prepared
from autrainer.config.hydra.sweep_points import Point, refuse_other_runs, refuse_shared_folders
from autrainer.config.hydra.unknown_names import UnusableOverrideError, explained
from autrainer.errors import ConfigError, OutputError, RunInUseError
from autrainer.runs.elsewhere import (
    AT_WORK_ELSEWHERE,
    FINISHED_ELSEWHERE,
    LOOK_EVERY_S,
    MOST_TRIES,
    SharedRuns,
)
from autrainer.runs.layout import MULTIRUN_FILE
from autrainer.runs.process.ending_runs import runs_may_end_later, settle_runs
from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.writing import yaml_text

log = logging.getLogger(__name__)


class Sweep:
    """Runs all combinations of a sweep.

    Args:
        config: The main configuration with its `hydra` node.
        context: Hydra's loader and callbacks.
        launcher: Runs the jobs.
        task: The task function; what it carries as `SweepHooks` is handled.
        filters: Filters, in the order in which they are tried.
    """

    def __init__(
        self,
        config: DictConfig,
        context: HydraContext,
        launcher: Any,
        task: Any,
        filters: Sequence[Filter],
    ) -> None:
        self.config = config
        self.context = context
        self.launcher = launcher
        self.hooks: SweepHooks = getattr(task, HOOKS, SweepHooks(own_folders=False))
        self.filters = filters
        self.outcomes: list[Outcome] = []
        self._left: Sequence[Point] = []
        self._order: dict[Path, int] = {}
        self._journal: Journal | None = None
        self._elsewhere: list[Point] = []
        self._shared: SharedRuns | None = None
        self._launched: tuple[Sequence[Point], Sequence[JobReturn]] = ([], [])
        self._composer = Composer(context.config_loader, config)
        # By the choice of groups: a key may be there with one model, and not with another.
        self._unusable: dict[tuple[str, tuple[str, ...]], UnusableOverrideError] = {}

    def run(self, batches: Sequence[Sequence[Sequence[str]]]) -> list[Any]:
        """Run the combinations, batch by batch.

        Raises:
            ConfigError: if a combination cannot run or two would share a folder; nothing has run.
            OutputError: if the folder of the results cannot be written.
            SystemExit: if jobs failed; why has been written to stderr.
        """
        sizes = [len(batch) for batch in batches]
        points = self._points([overrides for batch in batches for overrides in batch])
        left = self._selected(points)
        if self.hooks.collect is not None:
            self.hooks.collect(left)
            return []
        fails_fast = any(point.config.get("fail_fast") for point in left)
        returns: list[Any] = []
        self._left = left
        self._order = {point.directory: number for number, point in enumerate(points)}
        try:
            with self._pool(left) as pool:
                if left:
                    # Before a folder is made, and before the first of many has trained for hours.
                    self._check_classes(left, pool)
                    self._save_config()
                    self._shared = self._shared_runs()
                    self._watch()
                    self._journal = Journal(Path(str(self.config.hydra.sweep.dir)))
                    self._record(now=True)
                if pool is not None:
                    composed = partial(self._composed_job, logs_to_pool=pool.logs_to_pool)
                    pool.train(left, composed, self._add, self._shared)
                    return returns
            size = 1 if fails_fast and runs_here(self.launcher) else max(sizes, default=1)
            with self._ending(is_at_once=fails_fast):
                for batch in _chunks(left, size):
                    returns.append(
                        self._launch(batch, initial=sum(len(results) for results in returns))
                    )
                    if fails_fast and any(map(self._has_failed, self.outcomes)):
                        break
                else:
                    self._wait_for_others()
        finally:
            self.outcomes = self._so_far()
            self._record(now=True)
            self._report()
        return returns

    @contextmanager
    def _pool(self, points: Sequence[Point]) -> Iterator[PointPool | None]:
        """The pool of processes that the combinations ask for, or None if they run otherwise.

        Raises:
            ConfigError: if they ask for a pool and for another launcher too.
        """
        if self.hooks.pool is None and any(point.config.get("jobs", 1) != 1 for point in points):
            log.warning("jobs is left out: this program trains one run after the other")
        pool = self.hooks.pool(points) if points and self.hooks.pool is not None else None
        if pool is None:
            yield None
            return
        if not runs_here(self.launcher):
            raise ConfigError(
                f"jobs and launcher ask for a pool of processes, but {type(self.launcher).__name__}"
                " is Hydra's launcher: leave out one of them"
            )
        with pool:
            pool.start(points)
            yield pool

    @contextmanager
    def _ending(self, *, is_at_once: bool) -> Iterator[None]:
        """Within the block what is left of a run when it has trained may come beside the next one.

        Args:
            is_at_once: It may not, since the next run depends on how that ends.
        """
        if is_at_once or not runs_here(self.launcher):
            yield
            return
        with runs_may_end_later() as ending:
            try:
                yield
            finally:
                ending.settle()
                self.outcomes = [
                    outcome
                    if (error := ending.error_of(outcome.directory)) is None
                    else replace(outcome, state="failed", error=error)
                    for outcome in self.outcomes
                ]

    def _shared_runs(self) -> SharedRuns | None:
        """Looks at runs that other commands may have taken; None where there is nothing to share.

        Whoever gives the command of a single run a second time is told so instead.
        """
        if not self.hooks.own_folders or len(self._order) < 2 or not runs_here(self.launcher):
            return None
        marker = Path(str(self.config.hydra.sweep.dir), MULTIRUN_FILE)
        return SharedRuns(marker, self.hooks.is_finished)

    def _has_failed(self, outcome: Outcome) -> bool:
        """Whether a run has failed; one that another command trains has not."""
        is_taken = self._shared is not None and isinstance(outcome.error, RunInUseError)
        return outcome.error is not None and not is_taken

    def _wait_for_others(self) -> None:
        """Wait for runs that other commands have taken, and take those that they have left."""
        shared = self._shared
        if shared is None:
            return
        taken = {o.directory for o in self.outcomes if isinstance(o.error, RunInUseError)}
        self._elsewhere = [point for point in self._left if point.directory in taken]
        self.outcomes = [o for o in self.outcomes if o.directory not in taken]
        if taken:
            log.info("Waiting for runs that other commands train: %d", len(taken))
        tries: Counter[Path] = Counter()
        while self._elsewhere:
            for point in list(self._elsewhere):
                state = shared.state_of(point.directory)
                if state == AT_WORK_ELSEWHERE:
                    continue
                self._elsewhere.remove(point)
                if state is None:
                    tries[point.directory] += 1
                    self._launch([point], initial=self._left.index(point))
                    last = self.outcomes[-1]
                    if isinstance(last.error, RunInUseError) and tries[last.directory] < MOST_TRIES:
                        self._elsewhere.append(point)
                        self.outcomes.pop()
                elif state == FINISHED_ELSEWHERE:
                    self._add(without_result(point, state))
                else:
                    error = shared.failure_of(point.directory)
                    self._add(Outcome(point.overrides, point.directory, "failed", error=error))
            if self._elsewhere:
                time.sleep(LOOK_EVERY_S)

    def _add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._record()

    def _record(self, *, now: bool = False) -> None:
        """Let the journal tell how far the sweep is."""
        if self._journal is not None and self.hooks.own_folders:
            self._journal.write(self._so_far(), now=now)

    def _composed_job(self, point: Point, number: int, *, logs_to_pool: bool = True) -> DictConfig:
        """The configuration of a job with its `hydra` node, for another process."""
        found = self._composer.compose(list(point.overrides))
        logs = self.hooks.log_to_pool if logs_to_pool else None
        for prepare in (self.hooks.prepare_job, logs):
            if prepare is not None:
                prepare(found)
        with open_dict(found):
            found.hydra.job.id = found.hydra.job.num = number
        return found

    def _watch(self) -> None:
        """From here on somebody may ask at any moment how far this has come."""
        if self.hooks.watch is not None and runs_here(self.launcher):
            self.hooks.watch(self._so_far)

    def _so_far(self) -> list[Outcome]:
        """The outcomes of all runs in their order, of the one at work and those that wait too."""
        batch, seen = self._launched
        outcomes = [*self.outcomes, *(outcome_of(*pair) for pair in zip(batch, seen, strict=False))]
        outcomes += [self._stopped(point) for point in batch[len(seen) : len(seen) + 1]]
        outcomes += [without_result(point, AT_WORK_ELSEWHERE) for point in self._elsewhere]
        told = {outcome.directory for outcome in outcomes}
        waiting = [point for point in self._left if point.directory not in told]
        outcomes += [without_result(point, "waiting") for point in waiting]
        return sorted(outcomes, key=lambda outcome: self._order[outcome.directory])

    def _points(self, combinations: Iterable[Sequence[str]]) -> list[Point]:
        points = []
        # Each combination leaves a megabyte in cycles behind.
        with collecting():
            for index, overrides in enumerate(combinations):
                points += self._point(overrides, index)
        return points

    def _point(self, overrides: Sequence[str], index: int) -> list[Point]:
        """A combination; none if it was refused."""
        left: Sequence[str] | None = overrides
        while left is not None:
            try:
                composed = self._composed_with(list(left))
                return [Point.read(left, composed, index, self.hooks)]
            except ConfigError as error:
                if self.hooks.refused is None:
                    raise
                left = self.hooks.refused(left, error)
        return []

    def _composed_with(self, overrides: list[str]) -> DictConfig:
        loader = self.context.config_loader
        choices = self._composer.choosing(overrides)
        for override in overrides:
            for where in ((), choices):
                if (known := self._unusable.get((override, where))) is not None:
                    raise known
        try:
            return self._composer.compose(overrides)
        except CompactHydraException as error:
            name = self.config.hydra.job.config_name
            told = explained(error, loader, name, overrides)
            if isinstance(told, UnusableOverrideError):
                is_choice = told.override in choices
                self._unusable[told.override, () if is_choice else choices] = told
            raise told from error

    def _selected(self, points: Sequence[Point]) -> list[Point]:
        """The combinations that are launched; what happened to the others is logged."""
        if self.hooks.own_folders:
            try:
                points = refuse_shared_folders(points)
                refuse_other_runs(points)
            except ConfigError:
                # A misspelt key looks like another configuration; which it is, is told first.
                self._check_classes(points)
                raise
        return [point for point in points if not self._left_out(point)]

    def _left_out(self, point: Point) -> bool:
        for entry in self.filters:
            if entry.skips_finished and self.hooks.collect is not None:
                continue
            if entry.skips_finished and self.hooks.own_folders:
                # The table alone does not tell: a run may have been stopped after it.
                if not point.was_finished:
                    continue
                log.info("Skipping: %s (finished before, in %s)", point.name, point.directory)
                self.outcomes.append(
                    Outcome(point.overrides, point.directory, "finished before", known=point.record)
                )
                return True
            if reason := entry.reason(point.attributes, point.directory):
                if entry.logs:
                    overrides = " ".join(point.overrides)
                    log.info("Filtered: %s with '%s': %s", overrides, entry.path, reason)
                return True
        return False

    def _check_classes(self, points: Sequence[Point], pool: Any = None) -> None:
        if self.hooks.before_launch is not None and runs_here(self.launcher):
            self.hooks.before_launch(points, *([] if pool is None else [pool]))

    def _launch(self, batch: Sequence[Point], initial: int) -> Sequence[JobReturn]:
        results: Sequence[JobReturn] = []
        stopped: Sequence[Point] = []
        prepare = self.hooks.prepare_job
        with Prepared(self.launcher, self.context, self._composer, prepare, self._record) as seen:
            self._launched = (batch, seen)
            try:
                results = self.launcher.launch(
                    [list(point.overrides) for point in batch], initial_job_idx=initial
                )
            except KeyboardInterrupt:
                # It may have trained to its end, and be about to be on disk.
                settle_runs()
                stopped = batch[len(seen) : len(seen) + 1]
                raise
            finally:
                self._launched = ([], [])
                # After Ctrl-C there is no result but what has been seen until then.
                done = results or seen
                self.outcomes += [outcome_of(*pair) for pair in zip(batch, done, strict=False)]
                self.outcomes += [self._stopped(point) for point in stopped]
        return results

    def _stopped(self, point: Point) -> Outcome:
        """What became of the run that was at work; one that had just finished has finished."""
        finished = self.hooks.own_folders and self.hooks.is_finished(point.directory)
        return without_result(point, "done" if finished else "interrupted")

    def _save_config(self) -> None:
        path = Path(str(self.config.hydra.sweep.dir), MULTIRUN_FILE)
        content = OmegaConf.to_container(self.config, resolve=False, enum_to_str=True)
        try:
            write_text(path, yaml_text(content))
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(
                f"results cannot be written to {path.parent}: {path.name}: {reason}; "
                "choose another folder with results_dir=..."
            ) from error

    def _report(self) -> None:
        if self.hooks.report is not None:
            self.hooks.report(self.outcomes)
        if not any(outcome.error for outcome in self.outcomes):
            return
        if self.hooks.tells_failures:
            sys.stdout.flush()
            sys.stderr.write(f"{failures(self.outcomes, self.hooks.record)}\n")
        if sys.exc_info()[0] is None:
            raise SystemExit(1)


def _chunks(points: Sequence[Point], size: int) -> Iterable[Sequence[Point]]:
    for start in range(0, len(points), size):
        yield points[start : start + size]
