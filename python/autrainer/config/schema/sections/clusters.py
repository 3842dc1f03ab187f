"""What clusters are asked for, where they train the runs of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autrainer.config.schema.kinds import (
    UnfitError,
    count,
    duration,
    flag,
    natural,
    nonnegative,
    or_null,
    positive,
    saying,
    text,
    texts,
)
from autrainer.config.schema.reading import key, required

Parameters = tuple[tuple[str, str | int | float | bool], ...]

OWN_KEYS = {
    "time": "time",
    "partition": "partition",
    "account": "account",
    "qos": "qos",
    "constraint": "constraint",
    "mem": "memory",
    "cpus_per_task": "cpus",
    "gpus_per_node": "gpus",
    "gpus": "gpus",
    "job_name": "name",
    "signal": "margin",
    "array": "at_once",
}
"""Parameters of `sbatch` that a key stands for."""
OURS = ("output", "error", "open_mode", "requeue", "no_requeue")
"""Parameters on which it depends that a job trains, goes on, and can be found."""
OF_RUN = {"nodes": "nodes", "ntasks": "devices", "ntasks_per_node": "devices"}
"""Parameters that follow from a key of the run."""

SHARE_OF_MARGIN = 4
"""The margin is at most this part of the time of a job, unless it was given."""
USUAL_MARGIN_S = 300.0


def _sbatch(value: object) -> Parameters:
    """Parameters of `sbatch` by their names."""
    if not isinstance(value, Mapping):
        raise UnfitError("use a mapping of names of sbatch parameters to values")
    return tuple((_parameter(name), _value(each)) for name, each in value.items())


def _parameter(name: object) -> str:
    plain = text(name).replace("-", "_")
    if plain in OWN_KEYS:
        raise UnfitError(f"use slurm.{OWN_KEYS[plain]} instead of sbatch.{name}")
    if plain in OF_RUN:
        raise UnfitError(
            f"leave sbatch.{name} out, and use the key {OF_RUN[plain]} of the run: nodes is the "
            "number of its nodes, devices that of its processes on each of them"
        )
    if plain in OURS:
        raise UnfitError(f"leave {name} out: it is set for every job")
    return plain


def _value(value: object) -> str | int | float | bool:
    if isinstance(value, str | int | float) and value is not False:
        return value
    raise UnfitError("use texts, numbers or true as values of sbatch parameters")


@dataclass(frozen=True)
class SlurmSection:
    """Jobs of SLURM that train the runs of a sweep.

    Args:
        time: How long a job may take.
        partition: Where jobs are submitted; None for the default of the cluster.
        account: What they are charged to.
        qos: Their quality of service.
        constraint: Features that their nodes need.
        memory: Memory of a job, as `sbatch` takes it.
        cpus: Cores for each process of a run; None for those that the cluster gives.
        gpus: GPUs for each process of a run; None for one if the runs ask for CUDA.
        runs_per_job: How many runs a job trains, one after the other.
        at_once: How many jobs may run at once; None for as many as the cluster lets run.
        max_timeouts: How often a job goes on after its time is up.
        margin: How long before the end of that time a run stops and keeps its state.
        name: Name of the jobs; None for that of the experiment.
        setup: Commands before the run, such as `module load cuda`.
        python: Command that starts Python; None for the interpreter that submits.
        sbatch: Further parameters of `sbatch`.
        wait: Stay and show how far the runs are, instead of returning at once.
    """

    time: float = required(
        duration, fix="say how long a job may take, such as '8h'", makes_run=False
    )
    partition: str | None = key(text, None, makes_run=False)
    account: str | None = key(text, None, makes_run=False)
    qos: str | None = key(text, None, makes_run=False)
    constraint: str | None = key(text, None, makes_run=False)
    memory: str | None = key(saying(text, "use a text such as '16GB'"), None, makes_run=False)
    cpus: int | None = key(or_null(count, "for the default"), None, makes_run=False)
    gpus: int | None = key(or_null(natural, "for one with CUDA"), None, makes_run=False)
    runs_per_job: int = key(count, 1, makes_run=False)
    at_once: int | None = key(or_null(count, "for no limit"), None, makes_run=False)
    max_timeouts: int = key(natural, 20, makes_run=False)
    margin: float | None = key(or_null(duration, "for 5 min"), None, makes_run=False)
    name: str | None = key(text, None, makes_run=False)
    setup: tuple[str, ...] = key(texts, (), makes_run=False)
    python: str | None = key(text, None, makes_run=False)
    sbatch: Parameters = key(_sbatch, (), makes_run=False)
    wait: bool = key(flag, False, makes_run=False)

    @property
    def margin_s(self) -> float:
        """Seconds that are left of a job's time when its run stops."""
        if self.margin is not None:
            return self.margin
        return min(USUAL_MARGIN_S, self.time / SHARE_OF_MARGIN)


@dataclass(frozen=True)
class RaySection:
    """Tasks of Ray that train the runs of a sweep.

    Args:
        address: Where Ray is: `auto` for the cluster that this machine belongs to, or
            `ray://HOST:PORT`; None for a Ray of its own on this machine.
        cpus: Cores for each process of a run.
        gpus: GPUs for each process of a run, a part of one too; None for one if the runs ask for
            CUDA.
        max_retries: How often a run goes on whose worker was lost.
    """

    address: str | None = key(or_null(text, "for this machine alone"), None, makes_run=False)
    cpus: float = key(positive, 1.0, makes_run=False)
    gpus: float | None = key(or_null(nonnegative, "for one with CUDA"), None, makes_run=False)
    max_retries: int = key(natural, 3, makes_run=False)
