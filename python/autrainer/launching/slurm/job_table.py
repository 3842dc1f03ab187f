"""Which job of SLURM has which run: `jobs.yaml` among the folders of the jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autrainer.runs.layout import RUNS
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.writing.files import make_folder
from autrainer.runs.yaml.reading import read_mapping
from autrainer.runs.yaml.writing import write_yaml

JOBS = "slurm"
"""Folder of the jobs, beside that of the runs."""
TABLE = "jobs.yaml"


def folder_of_jobs(training: Path) -> Path:
    """Where the folders of jobs lie whose runs lie in this folder."""
    return (training.parent if training.name == RUNS else training) / JOBS


class JobTable:
    """Jobs by the names of their runs. Only who submits jobs writes it, one process at a time.

    Args:
        folder: Where the folders of jobs lie.
        name: Name of its file; workers of a search have a table of their own.
    """

    def __init__(self, folder: Path, name: str = TABLE) -> None:
        self.folder = folder
        self.path = folder / name

    @contextmanager
    def open(self) -> Iterator[dict[str, str]]:
        """The jobs by run, to be changed within the block; written at its end, whatever happens.

        Raises:
            RunInUseError: if another process is submitting jobs.
        """
        make_folder(self.folder)
        lock = RunLock(self.folder)
        try:
            found = read_mapping(self.path)
            jobs = {str(run): str(job) for run, job in found.items()}
            before = dict(jobs)
            try:
                yield jobs
            finally:
                if jobs != before:
                    write_yaml(self.path, jobs)
        finally:
            lock.release()
