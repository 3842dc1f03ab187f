"""SLURM as a sweep sees it: jobs are submitted, and asked after; submitit writes their scripts."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from autrainer.config.schema.sections.clusters import SlurmSection
from autrainer.errors import AutrainerError, MissingExtraError
from autrainer.launching.slurm.commands import answer, states_of_jobs
from autrainer.launching.slurm.slurm_task import SlurmTask

JOB_DIR = "%j"
"""Folder of a job among those of all jobs: submitit puts its number here."""
LOG_NAME = "_0_log.out"


@dataclass(frozen=True)
class Resources:
    """What runs of one array ask for.

    Args:
        processes: Processes of a run on each node.
        on_gpus: Whether each of them has a GPU.
        nodes: Nodes of a run; on several, each process is a task of its own.
    """

    processes: int
    on_gpus: bool
    nodes: int = 1


class Cluster(Protocol):
    """Where jobs run."""

    def submit(self, packs: Sequence[SlurmTask], resources: Resources) -> list[str]:
        """Submit a job for each of these, as one array, and return their numbers."""

    def states(self) -> dict[str, str]:
        """The states of all jobs of this user that wait or run, by their numbers."""

    def cancel(self, jobs: Sequence[str]) -> None:
        """Cancel these jobs."""


class SlurmCluster:
    """The cluster that this machine submits jobs to.

    Args:
        folder: Where the folders of jobs lie.
        section: What jobs ask for.
        name: Name of the jobs.

    Raises:
        AutrainerError: if there is no SLURM here.
        MissingExtraError: if submitit is not installed.
    """

    def __init__(self, folder: Path, section: SlurmSection, name: str) -> None:
        self._folder, self._section, self._name = folder, section, name
        _require()

    def submit(self, packs: Sequence[SlurmTask], resources: Resources) -> list[str]:
        """Submit a job for each of these, as one array, and return their numbers.

        Raises:
            AutrainerError: if SLURM refuses them.
        """
        import submitit

        executor = submitit.SlurmExecutor(
            folder=self._folder / JOB_DIR,
            max_num_timeout=self._section.max_timeouts,
            python=self._section.python,
        )
        executor.update_parameters(**parameters(self._section, resources, self._name))
        try:
            jobs: Sequence[Any] = executor.submit_array(packs)
        except (RuntimeError, OSError) as error:
            raise AutrainerError(f"SLURM has not taken the jobs: {error}") from error
        return [str(job.job_id) for job in jobs]

    def states(self) -> dict[str, str]:
        """The states of all jobs of this user that wait or run, by their numbers.

        Raises:
            AutrainerError: if SLURM does not answer.
        """
        return states_of_jobs()

    def cancel(self, jobs: Sequence[str]) -> None:
        """Cancel these jobs.

        Raises:
            AutrainerError: if SLURM does not answer.
        """
        answer("scancel", *jobs)


def parameters(section: SlurmSection, resources: Resources, name: str) -> dict[str, Any]:
    """What submitit is told of the jobs of an array.

    Args:
        section: What the user asks for.
        resources: What a run needs.
        name: Name of the jobs, unless the user has given one.
    """
    gpus = section.gpus if section.gpus is not None else int(resources.on_gpus)
    is_spread = resources.nodes > 1
    cpus = section.cpus
    if cpus is None and (is_spread or resources.processes > 1):
        cpus = 1
    further: dict[str, Any] = {"requeue": True, **dict(section.sbatch)}
    asked = {
        "job_name": section.name or name,
        "time": math.ceil(section.time / 60),
        "partition": section.partition,
        "account": section.account,
        "qos": section.qos,
        "constraint": section.constraint,
        "mem": section.memory,
        "nodes": resources.nodes,
        "ntasks_per_node": resources.processes if is_spread else None,
        "cpus_per_task": None if cpus is None else cpus * (1 if is_spread else resources.processes),
        "gpus_per_node": gpus * resources.processes or None,
        "array_parallelism": section.at_once,
        "setup": list(section.setup) or None,
        "signal_delay_s": max(1, int(section.margin_s / 2)),
        "stderr_to_stdout": True,
        "additional_parameters": further,
    }
    return {key: value for key, value in asked.items() if value is not None}


def log_of(folder: Path, job: str) -> Path:
    """Where a job writes what it prints."""
    return folder / job / f"{job}{LOG_NAME}"


def array_of(jobs: Sequence[str]) -> list[str]:
    """The numbers of the arrays that jobs belong to, each once."""
    return list(dict.fromkeys(job.partition("_")[0] for job in jobs))


def _require() -> None:
    try:
        import submitit
    except ImportError as error:
        raise MissingExtraError("launcher: slurm", "submitit", "slurm") from error
    del submitit
    missing = [each for each in ("sbatch", "squeue", "srun") if shutil.which(each) is None]
    if missing:
        raise AutrainerError(
            f"launcher is 'slurm', but there is no {missing[0]} here: start this command on a "
            "machine from which jobs are submitted, or use launcher=local"
        )
