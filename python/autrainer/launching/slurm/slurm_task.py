"""What a job of SLURM does, whatever it trains: it stops, keeps the state, and is put back."""

from __future__ import annotations

import logging
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from autrainer.errors import AutrainerError, RunFailedError, RunInUseError
from autrainer.launching.job_runner import JobRunner
from autrainer.launching.messages import Ended, Setup
from autrainer.launching.slurm.fail_fast import cancel_pending
from autrainer.launching.slurm.job_signals import JobSignals
from autrainer.runs.process.run_process import RunProcess, process_of
from autrainer.runs.process.slurm_step import slurm_variables
from autrainer.runs.process.time_limit import TIME_LIMIT

log = logging.getLogger(__name__)

BEGAN = "SLURM_JOB_START_TIME"
"""When the job began, in seconds since 1970; older versions of SLURM do not say."""


class SlurmTask(ABC):
    """Trains runs one after the other; what submitit pickles and calls in the job.

    submitit puts a job back into the queue only if what it calls has `checkpoint`, and ends the
    process on the spot when it is signalled. Here the run is stopped first and keeps its state, so
    a requeued job goes on where it was: runs that have finished are skipped.

    Args:
        setup: What the job has in common with the process that submits it.
        time_s: How long a job may take.
        margin_s: How long before that a run stops whose configuration sets no `max_duration`.
        max_timeouts: How often the job goes back into the queue because its time was up.
        fails_fast: Train no more runs when one has failed, and cancel the jobs of the array that
            have not begun.
        jobs_dir: Where the folders of jobs lie.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        time_s: float,
        margin_s: float,
        max_timeouts: int,
        jobs_dir: Path,
        fails_fast: bool = False,
    ) -> None:
        self.setup, self.jobs_dir = setup, jobs_dir
        self.time_s, self.margin_s = time_s, margin_s
        self.max_timeouts, self.fails_fast = max_timeouts, fails_fast
        self.num_timeouts = 0
        self.failures: dict[str, str] = {}

    def checkpoint(self) -> Any:
        """The same again, with what is known by now: submitit writes it down for the next time."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(self)

    def __call__(self) -> list[str]:
        """Train.

        Returns:
            Names of the runs.

        Raises:
            RunFailedError: if some have failed; the others have been trained.
            SystemExit: if the job goes back into the queue, or was cancelled.
        """
        from autrainer.runs.process.logfile import one_sweep
        from autrainer.runs.process.time_limit import one_command
        from autrainer.training.ranks.torchrun import follow, leading

        sys.path[:], sys.argv = self.setup.path, self.setup.arguments
        # Bars draw over themselves, which a file shows as thousands of lines.
        os.environ.setdefault("TQDM_DISABLE", "1")
        os.environ.setdefault("MPLBACKEND", "Agg")
        limit_s = self.time_s - self.margin_s
        with JobSignals() as signals, one_command(_age_s(os.environ), limit_s), one_sweep():
            runner = JobRunner(self.setup)
            runner.prepare()
            process = _process_of_step()
            if process is None:
                self.train(runner, signals)
            elif process.is_main:
                with leading(process):
                    self.train(runner, signals, ends_with_failure=True)
            else:
                # What becomes of the job is said by the main process.
                with suppress(KeyboardInterrupt):
                    follow(process)
                return self.names
            self._leave_if_asked(signals)
        self._tell_failures()
        return self.names

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """Names of the runs, as far as they are known."""

    @abstractmethod
    def train(
        self, runner: JobRunner, signals: JobSignals, *, ends_with_failure: bool = False
    ) -> None:
        """Train the runs that have not failed, until somebody asks for the end.

        Args:
            runner: Trains them.
            signals: Tell of the end.
            ends_with_failure: Train no more runs when one has failed: the other processes of the
                job have ended with it.
        """

    def take(self, name: str, ended: Ended, signals: JobSignals) -> None:
        """Note how a run has ended.

        Args:
            name: Name of its folder.
            ended: How it has ended.
            signals: Tell of the end of the job.
        """
        if ended.state == "interrupted":
            signals.take(ended.signal)
        if ended.failure is None:
            return
        error = ended.failure.error()
        if isinstance(error, RunInUseError):
            log.warning("%s is left to another process: %s", name, error)
            return
        self.failures[name] = ended.failure.sentence
        log.error("%s failed: %s", name, ended.failure.sentence, exc_info=error)
        if self.fails_fast:
            cancel_pending(self.jobs_dir, os.environ)

    def _leave_if_asked(self, signals: JobSignals) -> None:
        """End the job if somebody has asked for it, be it the clock.

        Raises:
            SystemExit: if it goes back into the queue, or was cancelled.
            AutrainerError: if its time was up too often.
        """
        if not signals.is_asked:
            return
        if signals.asked_by == TIME_LIMIT:
            self.num_timeouts += 1
            if self.num_timeouts > self.max_timeouts:
                raise AutrainerError(
                    f"the time of this job was up {self.num_timeouts} times, more often than "
                    f"slurm.max_timeouts={self.max_timeouts}; the same command goes on"
                )
        signals.requeue_or_end()

    def _tell_failures(self) -> None:
        if self.failures:
            told = "; ".join(f"{name}: {error}" for name, error in self.failures.items())
            number, all_of_them = len(self.failures), len({*self.names, *self.failures})
            raise RunFailedError(f"{number} of {all_of_them} runs failed: {told}")


def _process_of_step() -> RunProcess | None:
    """Which process of the run this is, where the job has several tasks; None for the only one."""
    found = slurm_variables(os.environ)
    os.environ.update(found)
    return process_of(os.environ) if found else None


def _age_s(environment: Mapping[str, str]) -> float:
    """How long this job has been at work, as SLURM knows; 0 where it does not say."""
    try:
        age_s = time.time() - float(environment.get(BEGAN, "nan"))
    except ValueError:
        return 0.0
    # The clock of another machine has set it; NaN is no number either way.
    return age_s if age_s > 0 else 0.0
