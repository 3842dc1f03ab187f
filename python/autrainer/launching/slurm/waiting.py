"""Waiting for jobs of SLURM: how far their runs are, and how each has ended."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from autrainer.errors import AutrainerError, RunInterruptedError, WorkerDiedError
from autrainer.launching.jobs import Job
from autrainer.launching.messages import Ended, Failure, Progress
from autrainer.launching.slurm.cluster import Cluster, array_of, log_of
from autrainer.launching.view import View
from autrainer.runs.elsewhere import (
    AT_WORK_ELSEWHERE,
    FAILED_ELSEWHERE,
    FINISHED_ELSEWHERE,
    SharedRuns,
)
from autrainer.runs.process.signals import requests_handled
from autrainer.runs.process.time_limit import TimeLimit
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.status import record_failure

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
ASK_EVERY_S = 20.0
"""How often SLURM is asked: its controller answers all users of a cluster."""
POLL_S = 0.2

Report = Callable[[Job], None]


class Waiting:
    """Looks at the folders of runs and asks SLURM about their jobs until all have ended.

    Args:
        jobs: The runs, and the numbers of their jobs.
        folder: Where the folders of jobs lie.
        cluster: Where the jobs run.
        shared: Looks at the folders of runs.
        view: Shows the runs.
        fails_fast: Cancel all jobs when a run has failed.
    """

    def __init__(
        self,
        jobs: Sequence[tuple[Job, str]],
        folder: Path,
        cluster: Cluster,
        shared: SharedRuns,
        view: View,
        *,
        fails_fast: bool = False,
    ) -> None:
        self._left = list(jobs)
        self._folder, self._cluster, self._shared, self._view = folder, cluster, shared, view
        self._fails_fast = fails_fast
        self._looked_s = self._asked_s = float("-inf")
        self._states: dict[str, str] | None = None
        self._is_silent = False

    def wait(self, report: Report) -> list[tuple[Job, str]]:
        """Wait until all jobs have ended, or a run has failed and that ends all of them.

        Args:
            report: Gets each run that has ended.

        Returns:
            The runs that are left.

        Raises:
            RunInterruptedError: if a signal has asked to stop waiting; the jobs go on.
        """
        with requests_handled() as requests:
            log.info("Waiting for %d runs; Ctrl-C leaves the jobs alone", len(self._left))
            while self._left:
                if requests.any and requests.stop is not None:
                    raise self._left_alone(requests.stop)
                failed = [self._has_failed(job, number, report) for job, number in self._look()]
                if any(failed) and self._fails_fast:
                    self._cancel()
                    break
                self._view.update([job for job, _ in self._left if job.progress], self._num_waiting)
                time.sleep(POLL_S)
        self._view.close()
        return self._left

    @property
    def _num_waiting(self) -> int:
        return sum(job.progress is None for job, _ in self._left)

    def _look(self) -> list[tuple[Job, str]]:
        """The runs that have ended since; they are left no longer."""
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return []
        self._looked_s = now_s
        if now_s - self._asked_s >= ASK_EVERY_S:
            # Before the folders are looked at: a job that has gone had written all by then.
            self._asked_s = now_s
            self._ask()
        ended = [(job, number) for job, number in self._left if self._has_ended(job, number)]
        self._left = [pair for pair in self._left if pair not in ended]
        return ended

    def _ask(self) -> None:
        """Ask SLURM for its jobs; where it does not answer, what it has told last still holds."""
        try:
            self._states = self._cluster.states()
        except AutrainerError as error:
            if not self._is_silent:
                log.warning("SLURM does not answer, and is asked again: %s", error)
            self._is_silent = True
        else:
            self._is_silent = False

    def _has_ended(self, job: Job, number: str) -> bool:
        state = self._shared.state_of(job.directory)
        if state in (FINISHED_ELSEWHERE, FAILED_ELSEWHERE):
            return True
        if state == AT_WORK_ELSEWHERE:
            self._advance(job)
        is_gone = self._states is not None and number not in self._states
        return is_gone and state != AT_WORK_ELSEWHERE

    def _advance(self, job: Job) -> None:
        """Take from its folder how far a run is."""
        record = RunRecord(job.directory)
        planned, done = record.config.get("iterations"), record.metrics.iterations
        if not isinstance(planned, int) or (not done and job.progress is not None):
            return
        if job.progress is None:
            job.begin()
            self._view.begun(job)
        last = max(done, default=0)
        initial = last + 1 if job.progress is None else job.progress.initial
        job.advance(Progress(last, initial, planned))

    def _has_failed(self, job: Job, number: str, report: Report) -> bool:
        """Tell how a run has ended, and whether it has failed."""
        state = self._shared.state_of(job.directory)
        error: Exception | None = None
        if state == FAILED_ELSEWHERE:
            error = self._shared.failure_of(job.directory)
        elif state != FINISHED_ELSEWHERE:
            error = WorkerDiedError(
                f"job {number} has left the queue, but the run has not finished; what the job has "
                f"printed is in {log_of(self._folder, number)}, and the same command goes on"
            )
            if job.directory.is_dir():
                record_failure(job.directory, error)
        failure = None if error is None else Failure.of(error)
        job.result = Ended("done" if error is None else "failed", float("nan"), failure)
        self._view.ended(job, error)
        report(job)
        return error is not None

    def _cancel(self) -> None:
        if self._left:
            log.info("A run has failed: the jobs of the others are cancelled")
            self._cluster.cancel(list(dict.fromkeys(number for _, number in self._left)))

    def _left_alone(self, asked: signal.Signals | TimeLimit) -> RunInterruptedError:
        self._view.close()
        arrays = " ".join(array_of([number for _, number in self._left]))
        log.info("The jobs go on; the same command waits for them again")
        log.info("Cancel the jobs:   scancel %s", arrays)
        return RunInterruptedError(asked, saved=True)
