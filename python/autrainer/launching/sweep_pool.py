"""A pool for the points of a sweep: whether there is one, and how it comes by its runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from autrainer.config.hydra.outcomes import Outcome
from autrainer.config.hydra.pools import Compose, Report
from autrainer.errors import ConfigError
from autrainer.launching.jobs import Job
from autrainer.launching.live_table import LiveTable
from autrainer.launching.pool import Pool
from autrainer.launching.processes import Start, WorkerProcess, spawned
from autrainer.launching.slots import slot_table
from autrainer.launching.view import View
from autrainer.plotting.renderer import Renderers
from autrainer.runs.elsewhere import SharedRuns
from autrainer.runs.process.run_process import process_of
from autrainer.runs.process.time_limit import deadline_s

if TYPE_CHECKING:
    from autrainer.config.hydra.sweep_points import Point
    from autrainer.config.schema.problems import Problem
    from autrainer.config.schema.run import RunConfig
    from autrainer.config.schema.sections.clusters import RaySection, SlurmSection
    from autrainer.launching.slurm.slurm_sweep import SlurmSweep

MAIN = "__main__."


def pool_of(points: Sequence[Point], start: Start = spawned) -> SweepPool | SlurmSweep | None:
    """What these points ask to be trained by; None where this process is to train them.

    Args:
        points: The points that are to be trained.
        start: Starts a process of a pool.

    Raises:
        ConfigError: if they differ in how they are launched, or cannot be trained like that.
        AutrainerError: if there is no cluster here.
    """
    configs = [point.run for point in points if point.run is not None]
    if not configs or len(configs) < len(points):
        return None
    settings = {_launching(config) for config in configs}
    if len(settings) > 1:
        raise ConfigError(
            "jobs, jobs_per_gpu, launcher, slurm and ray are those of a whole sweep, but differ "
            "between its runs; give each of them one value"
        )
    ((jobs, jobs_per_gpu, launcher, slurm, ray),) = settings
    if launcher == "basic" and jobs != 1:
        raise ConfigError(f"launcher is 'basic', which trains one run at a time, but jobs={jobs}")
    if not configs[0].sweep.asks_for_pool:
        return None
    for point in points:
        _refuse_main(point)
    if launcher == "slurm":
        return _slurm_of(points, slurm)
    if launcher == "ray":
        from autrainer.launching.ray.ray_sweep import ray_pool_of

        return ray_pool_of(configs, ray)
    _refuse_several(configs, jobs)
    table = slot_table(jobs, jobs_per_gpu, [config.compute.device for config in configs])
    live = LiveTable(is_shown=any(config.training.progress_bar for config in configs))
    view = View(len(points), live)
    fails_fast = any(config.sweep.fail_fast for config in configs)
    renderers = Renderers() if any(config.plotting.is_on for config in configs) else None
    workers = partial(WorkerProcess, start=start, renderers=renderers)
    return SweepPool(Pool(table, view, fails_fast=fails_fast, make_worker=workers), renderers)


Settings = tuple["int | str", int, "str | None", "SlurmSection | None", "RaySection | None"]


def _launching(config: RunConfig) -> Settings:
    sweep = config.sweep
    slurm = sweep.slurm if sweep.launcher == "slurm" else None
    ray = sweep.ray if sweep.launcher == "ray" else None
    return sweep.jobs, sweep.jobs_per_gpu, sweep.launcher, slurm, ray


def _slurm_of(points: Sequence[Point], section: SlurmSection | None) -> SlurmSweep:
    from autrainer.launching.slurm.slurm_sweep import SlurmSweep

    assert section is not None
    if process_of(os.environ) is not None:
        raise ConfigError("launcher is 'slurm', but torchrun has started the processes")
    return SlurmSweep(section, points)


def _refuse_several(configs: Sequence[RunConfig], jobs: int | str) -> None:
    """Refuse runs of several processes: how many fit at once is not counted."""
    devices = next((config.compute.devices for config in configs if config.compute.devices != 1), 1)
    if devices != 1:
        raise ConfigError(
            f"jobs is {jobs} and devices is {devices}; use several processes for each run, or "
            "train several runs at once, but not both"
        )
    if process_of(os.environ) is not None:
        raise ConfigError(f"jobs is {jobs}, but torchrun has started the processes; leave jobs out")


def _refuse_main(point: Point) -> None:
    """Refuse classes of the program itself, which no other process can import."""
    for name in _texts(point.config):
        if name.startswith(MAIN):
            raise ConfigError(
                f"{name} is a class of the program that runs, which other processes cannot "
                "import; put it into a module, or leave jobs and launcher out"
            )


def _texts(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for pair in value.items() for each in pair for text in _texts(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


class SweepPool:
    """Trains points of a sweep in a pool; a context manager, after which no process is left.

    Args:
        pool: The pool.
        renderers: Draw the plots of its workers; None if that is their own affair.
    """

    logs_to_pool = True
    """Runs hand what they log for the screen to the pool."""

    def __init__(self, pool: Pool, renderers: Renderers | None = None) -> None:
        self._pool = pool
        self._renderers = renderers
        self._composed: Compose | None = None

    def start(self, points: Sequence[Point]) -> None:
        """Start the first workers, and what draws their plots."""
        if self._renderers is not None:
            self._renderers.start()
        self._pool.start(len(points))

    def find_problems(self, configs: Sequence[RunConfig]) -> Sequence[list[Problem]]:
        """What is wrong with the classes that each of these configurations names."""
        return self._pool.find_problems(configs)

    def train(
        self,
        points: Sequence[Point],
        composed: Compose,
        report: Report,
        shared: SharedRuns | None = None,
        first: int = 0,
    ) -> None:
        """Train points.

        Args:
            points: The points.
            composed: Composes a point as a job of this number.
            report: Gets the outcome of each that has ended, in the order in which they end; it may
                `add` points.
            shared: Looks at runs that other commands may have taken; None if there are none.
            first: Number of the first point.

        Raises:
            RunInterruptedError: if a signal has asked to stop.
        """
        self._composed = composed
        jobs = [self._job(point, number) for number, point in enumerate(points, start=first)]
        limits = [point.run.stopping.max_duration for point in points if point.run is not None]
        limit_s = min((each for each in limits if each is not None), default=None)
        self._pool.train(jobs, lambda job: report(outcome_of(job)), deadline_s(limit_s), shared)

    @property
    def num_slots(self) -> int:
        """How many runs can train at once."""
        return self._pool.num_slots

    def expect(self, num_points: int) -> None:
        """So many points there will be, those to be added among them."""
        self._pool.expect(num_points)

    def add(self, point: Point, number: int) -> None:
        """One more point while others train.

        Args:
            point: The point.
            number: Its number.
        """
        self._pool.add(self._job(point, number))

    def _job(self, point: Point, number: int) -> Job:
        composed = self._composed
        assert composed is not None
        return Job(number, point.overrides, point.directory, lambda: composed(point, number))

    def __enter__(self) -> SweepPool:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._pool.close()
        finally:
            if self._renderers is not None:
                self._renderers.close()


def outcome_of(job: Job) -> Outcome:
    """The outcome of a run that has ended."""
    result = job.result
    assert result is not None
    error = None if result.failure is None else result.failure.error()
    return Outcome(job.overrides, job.directory, result.state, result.value, error)
