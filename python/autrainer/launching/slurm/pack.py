"""What a job of SLURM does that trains runs of a sweep, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.launching.job_runner import JobRunner
from autrainer.launching.messages import Setup, Train
from autrainer.launching.slurm.job_signals import JobSignals
from autrainer.launching.slurm.slurm_task import SlurmTask


@dataclass(frozen=True)
class PackedRun:
    """A run on its way to a job.

    Args:
        name: Name of its folder.
        task: Its configuration and its folder.
    """

    name: str
    task: Train


class RunPack(SlurmTask):
    """Trains some runs of a sweep.

    Args:
        setup: What the job has in common with the process that submits it.
        runs: The runs.
        limits: The others of `SlurmTask`.
    """

    def __init__(self, setup: Setup, runs: Sequence[PackedRun], **limits: Any) -> None:
        super().__init__(setup, **limits)
        self.runs = list(runs)

    @property
    def names(self) -> list[str]:
        """Names of the runs."""
        return [run.name for run in self.runs]

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
        from autrainer.config.hydra.journal import refresh

        for run in self.runs:
            if run.name in self.failures:
                continue
            if signals.is_asked:
                return
            ended = runner.train(run.task, signals)
            refresh(Path(run.task.directory).parent)
            self.take(run.name, ended, signals)
            if self.failures and self.fails_fast:
                return
            if ended.failure is not None and ends_with_failure:
                return
