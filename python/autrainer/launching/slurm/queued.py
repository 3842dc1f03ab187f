"""Which runs are in the queue of SLURM, for whoever looks at an experiment."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from autrainer.errors import AutrainerError
from autrainer.launching.slurm.commands import states_of_jobs
from autrainer.launching.slurm.job_table import TABLE, folder_of_jobs
from autrainer.runs.record.run_state import Job
from autrainer.runs.yaml.reading import read_mapping

ASK_EVERY_S = 20.0
"""How often SLURM is asked: its controller answers all users of a cluster."""


class Queue:
    """The jobs of runs. Where SLURM does not answer, as on another machine, the table alone tells.

    SLURM is asked when the first table is there, and then now and then.
    """

    def __init__(self) -> None:
        self._asked_s = float("-inf")
        self._states: dict[str, str] | None = None

    def jobs_of(self, folder: Path) -> dict[str, Job]:
        """The jobs of runs, by the names of these.

        Args:
            folder: Where the runs lie.
        """
        table = folder_of_jobs(folder.absolute()) / TABLE
        if not table.is_file():
            return {}
        jobs = {str(run): str(job) for run, job in read_mapping(table).items()}
        states = self._asked()
        if states is None:
            return {run: Job(job, None) for run, job in jobs.items()}
        return {run: Job(job, states[job]) for run, job in jobs.items() if job in states}

    def _asked(self) -> dict[str, str] | None:
        if time.monotonic() - self._asked_s >= ASK_EVERY_S:
            self._asked_s = time.monotonic()
            try:
                self._states = states_of_jobs() if shutil.which("squeue") else None
            except AutrainerError:
                self._states = None
        return self._states
