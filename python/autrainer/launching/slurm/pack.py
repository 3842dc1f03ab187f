"""What a job of SLURM does: it trains some runs, and goes back into the queue where it has to."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.errors import AutrainerError, RunFailedError, RunInUseError
from autrainer.launching.job_runner import JobRunner
from autrainer.launching.messages import Ended, Setup, Train
from autrainer.launching.slurm.job_signals import JobSignals
from autrainer.runs.process.run_process import RunProcess, process_of
from autrainer.runs.process.slurm_step import slurm_variables
from autrainer.runs.process.time_limit import TIME_LIMIT

log = logging.getLogger(__name__)

BEGAN = "SLURM_JOB_START_TIME"
"""When the job began, in seconds since 1970; older versions of SLURM do not say."""


@dataclass(frozen=True)
class PackedRun:
    """A run on its way to a job.

    Args:
        name: Name of its folder.
        task: Its configuration and its folder.
    """

    name: str
    task: Train


class RunPack:
    """Trains runs one after the other; what submitit pickles and calls in the job.

    submitit puts a job back into the queue only if what it calls has `checkpoint`, and ends the
    process on the spot when it is signalled. Here the run is stopped first and keeps its state, so
    a requeued job goes on where it was: runs that have finished are skipped.

    Args:
        setup: What the job has in common with the process that submits it.
        runs: The runs.
        time_s: How long a job may take.
        margin_s: How long before that a run stops whose configuration sets no `max_duration`.
        max_timeouts: How often the job goes back into the queue because its time was up.
        fails_fast: Train no more runs when one has failed.
    """

    def __init__(
        self,
        setup: Setup,
        runs: Sequence[PackedRun],
        *,
        time_s: float,
        margin_s: float,
        max_timeouts: int,
        fails_fast: bool = False,
    ) -> None:
        self.setup = setup
        self.runs = list(runs)
        self.time_s, self.margin_s = time_s, margin_s
        self.max_timeouts, self.fails_fast = max_timeouts, fails_fast
        self.num_timeouts = 0
        self.failures: dict[str, str] = {}

    def checkpoint(self) -> Any:
        """The same again, with what is known by now: submitit writes it down for the next time."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(self)

    def __call__(self) -> list[str]:
        """Train the runs.

        Returns:
            Their names.

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
                self._train(runner, signals)
            elif process.is_main:
                with leading(process):
                    self._train(runner, signals, ends_with_failure=True)
            else:
                # What becomes of the job is said by the main process.
                with suppress(KeyboardInterrupt):
                    follow(process)
                return self._names
            self._leave_if_asked(signals)
        self._tell_failures()
        return self._names

    @property
    def _names(self) -> list[str]:
        return [run.name for run in self.runs]

    def _train(
        self, runner: JobRunner, signals: JobSignals, *, ends_with_failure: bool = False
    ) -> None:
        """Train the runs that have not failed, until somebody asks for the end.

        Args:
            runner: Trains them.
            signals: Tell of the end.
            ends_with_failure: Train no more runs when one has failed: the other processes of the
                job have ended with it.
        """
        from autrainer.config.hydra.journal import refresh

        for run in self.runs:
            if run.name in self.failures:
                continue
            if signals.is_asked:
                return
            ended = runner.train(run.task, signals)
            refresh(Path(run.task.directory).parent)
            self._take(run, ended, signals)
            if self.failures and self.fails_fast:
                return
            if ended.failure is not None and ends_with_failure:
                return

    def _take(self, run: PackedRun, ended: Ended, signals: JobSignals) -> None:
        """Note how a run has ended."""
        if ended.state == "interrupted":
            signals.take(ended.signal)
        if ended.failure is None:
            return
        error = ended.failure.error()
        if isinstance(error, RunInUseError):
            log.warning("%s is left to another process: %s", run.name, error)
            return
        self.failures[run.name] = ended.failure.sentence
        log.error("%s failed: %s", run.name, ended.failure.sentence, exc_info=error)

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
            raise RunFailedError(f"{len(self.failures)} of {len(self.runs)} runs failed: {told}")


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
