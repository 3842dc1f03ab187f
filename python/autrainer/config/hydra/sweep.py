"""A sweep: every combination composed once, refused or left out early, run, and reported.

The sweeper that Hydra finds, `hydra_plugins.autrainer_sweeper`, is a thin class around this.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.errors import CompactHydraException
from hydra.experimental.callback import Callback
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from autrainer.config.error_places import describe, sentence
from autrainer.config.hydra.collector import collecting
from autrainer.config.hydra.compose import HOOKS, SweepHooks
from autrainer.config.hydra.composer import Composer
from autrainer.config.hydra.filters import Filter
from autrainer.config.hydra.internals import JobReturn, JobStatus, result_of, runs_here
from autrainer.config.hydra.sweep_points import Point, refuse_other_runs, refuse_shared_folders
from autrainer.config.hydra.unknown_names import UnusableOverrideError, explained
from autrainer.errors import ConfigError, OutputError
from autrainer.runs.layout import MULTIRUN_FILE
from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.writing import yaml_text

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a run of a sweep ended.

    Args:
        overrides: What sets it apart from the main configuration.
        directory: Its folder.
        state: `done`, `finished before`, `failed`, `interrupted`, or `waiting` if the sweep has
            ended before it began.
        value: What the task returned.
        error: Why it failed.
    """

    overrides: Sequence[str]
    directory: Path
    state: str
    value: Any = None
    error: BaseException | None = None


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
                    self._watch()
                if pool is not None:
                    pool.train(left, self._composed_job, self.outcomes.append)
                    return returns
            size = 1 if fails_fast and runs_here(self.launcher) else max(sizes, default=1)
            for batch in _chunks(left, size):
                returns.append(
                    self._launch(batch, initial=sum(len(results) for results in returns))
                )
                if fails_fast and any(outcome.error for outcome in self.outcomes):
                    break
        finally:
            self.outcomes = self._so_far()
            self._report()
        return returns

    @contextmanager
    def _pool(self, points: Sequence[Point]) -> Iterator[Any]:
        """The pool of processes that the combinations ask for, or None if they run otherwise.

        Raises:
            ConfigError: if they ask for a pool and for another launcher too.
        """
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

    def _composed_job(self, point: Point, number: int) -> DictConfig:
        """The configuration of a job with its `hydra` node, for a process of a pool."""
        found = self._composer.compose(list(point.overrides))
        for prepare in (self.hooks.prepare_job, self.hooks.log_to_pool):
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
        outcomes = [*self.outcomes, *(_outcome(*pair) for pair in zip(batch, seen, strict=False))]
        outcomes += [self._stopped(point) for point in batch[len(seen) : len(seen) + 1]]
        told = {outcome.directory for outcome in outcomes}
        waiting = [point for point in self._left if point.directory not in told]
        outcomes += [_without_result(point, "waiting") for point in waiting]
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
                self.outcomes.append(Outcome(point.overrides, point.directory, "finished before"))
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
        with _Prepared(self.launcher, self.context, self._composer, prepare) as seen:
            self._launched = (batch, seen)
            try:
                results = self.launcher.launch(
                    [list(point.overrides) for point in batch], initial_job_idx=initial
                )
            except KeyboardInterrupt:
                stopped = batch[len(seen) : len(seen) + 1]
                raise
            finally:
                self._launched = ([], [])
                # After Ctrl-C there is no result but what has been seen until then.
                done = results or seen
                self.outcomes += [_outcome(*pair) for pair in zip(batch, done, strict=False)]
                self.outcomes += [self._stopped(point) for point in stopped]
        return results

    def _stopped(self, point: Point) -> Outcome:
        """What became of the run that was at work; one that had just finished has finished."""
        finished = self.hooks.own_folders and self.hooks.is_finished(point.directory)
        return _without_result(point, "done" if finished else "interrupted")

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


def failures(outcomes: Sequence[Outcome], record: str | None) -> str:
    """Which runs have failed, where and why.

    Args:
        outcomes: How all runs of the sweep ended.
        record: Name of the file in a run folder that holds the traceback, or None.
    """
    failed = [(outcome, outcome.error) for outcome in outcomes if outcome.error is not None]
    total = sum(outcome.state in ("done", "failed") for outcome in outcomes)
    told = [f"{len(failed)} of {total} jobs failed:"]
    for outcome, error in failed:
        told.append(f"\n{' '.join(outcome.overrides)}\n  in {outcome.directory}")
        told.append(describe(error, outcome.directory / record if record else None))
    return "\n".join(told)


def _without_result(point: Point, state: str) -> Outcome:
    return Outcome(point.overrides, point.directory, state)


def _outcome(point: Point, result: JobReturn) -> Outcome:
    if result.status == JobStatus.COMPLETED:
        state = "finished before" if point.was_finished else "done"
        return Outcome(point.overrides, point.directory, state, value=result_of(result))
    error = result_of(result)
    if not isinstance(error, BaseException):
        error = RuntimeError(f"the job ended as {result.status.name}")
    return Outcome(point.overrides, point.directory, "failed", error=error)


def _chunks(points: Sequence[Point], size: int) -> Iterable[Sequence[Point]]:
    for start in range(0, len(points), size):
        yield points[start : start + size]


class _Watch(Callback):
    """Keeps what jobs return. A failure is logged at once, its reason at the end of the sweep.

    Of a job that is over, the memory is given back when the next one starts: until then other
    callbacks of Hydra may look at it.
    """

    def __init__(self) -> None:
        self.seen: list[JobReturn] = []

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        if self.seen:
            _lighten(self.seen[-1])

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        self.seen.append(job_return)
        if job_return.status == JobStatus.FAILED:
            log.error("\tfailed: %s", sentence(result_of(job_return)))


def _lighten(job: JobReturn) -> None:
    """Drop what is not needed of a job that has ended: its configurations and variables.

    The traceback of an error holds all that its functions were working on: model and data.
    """
    job.cfg = job.hydra_cfg = None
    error = result_of(job)
    while isinstance(error, BaseException):
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


class _Prepared:
    """Lets Hydra's own launcher compose as the sweep does, and say at once what failed."""

    def __init__(
        self,
        launcher: Any,
        context: HydraContext,
        composer: Composer,
        prepare: Callable[[Any], None] | None,
    ) -> None:
        self.prepare = prepare
        self.launcher = launcher
        self.context = context
        self.composer = composer
        self.watch = _Watch()
        # Others may compose in another process.
        self.applies = runs_here(launcher)

    def __enter__(self) -> list[JobReturn]:
        if self.applies:
            self.context.callbacks.callbacks.append(self.watch)
            loader: Any = _Loader(self.context.config_loader, self.composer, self.prepare)
            self.launcher.hydra_context = HydraContext(
                config_loader=loader,
                callbacks=self.context.callbacks,
            )
        return self.watch.seen

    def __exit__(self, *_: object) -> None:
        if self.applies:
            self.launcher.hydra_context = self.context
            self.context.callbacks.callbacks.remove(self.watch)


class _Loader:
    """A config loader that composes the combinations of a sweep, and prepares each."""

    def __init__(
        self, loader: Any, composer: Composer, prepare: Callable[[Any], None] | None
    ) -> None:
        self._loader = loader
        self._composer = composer
        self._prepare = prepare

    def load_sweep_config(
        self, master_config: DictConfig, sweep_overrides: list[str]
    ) -> DictConfig:
        """The configuration of a combination of this sweep."""
        found = self._composer.compose(sweep_overrides)
        if self._prepare is not None:
            self._prepare(found)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
