"""What a job of SLURM does that searches: it trains trials until none is left."""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autrainer.config.hydra.outcomes import Outcome
from autrainer.config.hydra.pools import Compose, Report, WorkerPool
from autrainer.launching.job_runner import JobRunner
from autrainer.launching.messages import Ended, Setup, Train
from autrainer.launching.slurm.job_signals import JobSignals
from autrainer.launching.slurm.slurm_task import SlurmTask

if TYPE_CHECKING:
    from autrainer.config.hydra.sweep_points import Point
    from autrainer.runs.elsewhere import SharedRuns

Work = Callable[[WorkerPool], Mapping[str, str]]


class SearchPack(SlurmTask):
    """Searches.

    Args:
        setup: What the job has in common with the process that submits it.
        work: Asks for trials, trains them in the pool that it gets, and tells which have failed.
        limits: The others of `SlurmTask`.
    """

    def __init__(self, setup: Setup, work: Work, **limits: Any) -> None:
        super().__init__(setup, **limits)
        self.work = work
        self.trained: list[str] = []

    @property
    def names(self) -> list[str]:
        """Names of the runs that this job has trained."""
        return self.trained

    def train(
        self, runner: JobRunner, signals: JobSignals, *, ends_with_failure: bool = False
    ) -> None:
        """Train trials until none is left, or somebody asks for the end."""

        def trained(point: Point, task: Train) -> Ended:
            ended = runner.train(task, signals)
            self.trained.append(point.name)
            self.take(point.name, ended, signals)
            return ended

        def is_over() -> bool:
            return signals.is_asked or (ends_with_failure and bool(self.failures))

        self.failures |= self.work(JobPool(job_number(os.environ), trained, is_over))


class JobPool:
    """Trains points in this process, one after the other.

    Args:
        name: Name of this job.
        trained: Trains a point.
        is_over: Whether no more points are to be trained.
    """

    logs_to_pool = False
    """This process logs for itself."""
    num_slots = 1
    """How many runs can train at once."""

    def __init__(
        self, name: str, trained: Callable[[Point, Train], Ended], is_over: Callable[[], bool]
    ) -> None:
        self.name = name
        self._trained, self._is_over = trained, is_over
        self._left: deque[tuple[Point, int]] = deque()

    def expect(self, num_points: int) -> None:
        """Nobody looks."""

    def add(self, point: Point, number: int) -> None:
        """One more point."""
        self._left.append((point, number))

    def train(
        self,
        points: Sequence[Point],
        composed: Compose,
        report: Report,
        shared: SharedRuns | None = None,
        first: int = 0,
    ) -> None:
        """Train points, and those that are added meanwhile, until it is over.

        Args:
            points: The points.
            composed: Composes a point as a job of this number.
            report: Gets the outcome of each that has ended; it may `add` points.
            shared: Not needed: the study tells which points are free.
            first: Number of the first point.
        """
        self._left.extend((point, number) for number, point in enumerate(points, start=first))
        while self._left and not self._is_over():
            point, number = self._left.popleft()
            config = pickle.dumps(composed(point, number))
            ended = self._trained(point, Train(config, str(point.directory.absolute())))
            error = None if ended.failure is None else ended.failure.error()
            report(Outcome(point.overrides, point.directory, ended.state, ended.value, error))


def job_number(environment: Mapping[str, str]) -> str:
    """The number of the job that this process is part of, as `squeue` shows it."""
    array = environment.get("SLURM_ARRAY_JOB_ID")
    if array:
        return f"{array}_{environment.get('SLURM_ARRAY_TASK_ID', '0')}"
    return environment.get("SLURM_JOB_ID", str(os.getpid()))
