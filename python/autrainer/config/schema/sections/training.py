"""What is trained, how long, on what, and where a sweep keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from autrainer.config.schema.kinds import (
    count,
    device_name,
    flag,
    folder_inside,
    one_of,
    or_null,
    positive,
    saying,
    seed,
    seed_pair,
    text,
    texts,
)
from autrainer.config.schema.reading import Reader, key, options, required
from autrainer.config.schema.sections.clusters import RaySection, SlurmSection

COMPILE_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")

LAUNCHERS = ("basic", "local", "slurm", "ray")
_BY_JOBS = "for a pool of processes if `jobs` is not 1"
AUTO = "auto"
"""Stands for as many as there is room for."""


_ONE: int | str = 1


def _count_or_auto(value: object) -> int | str:
    return AUTO if value == AUTO else saying(count, f"use a number of runs, or {AUTO!r}")(value)


def _size_or_default(value: object) -> int:
    # Zero, null and nothing at all mean the training batch size.
    return count(value) if value else 0


def _devices(value: object) -> int | str:
    return "all" if value == "all" else saying(count, "use an integer of at least 1, or all")(value)


@dataclass(frozen=True)
class TrainingSection:
    """How a run trains.

    Args:
        iterations: How many epochs or steps are trained.
        batch_size: Samples per optimizer step.
        learning_rate: Learning rate of the optimizer.
        training_type: What an iteration is: an `epoch`, or a `step` of the optimizer.
        eval_frequency: Iterations from one evaluation to the next; the last is always evaluated.
        inference_batch_size: Samples per batch of the dev and test sets.
        progress_bar: Show progress bars on stderr.
    """

    iterations: int = required(count)
    batch_size: int = required(count)
    learning_rate: float = required(positive)
    training_type: str = key(one_of("epoch", "step"), "epoch")
    eval_frequency: int = key(count, 1)
    inference_batch_size: int = key(_size_or_default, 0, makes_run=False)
    # Absent it is off, as it has always been; `_autrainer_` switches it on.
    progress_bar: bool = key(flag, False, makes_run=False)

    @classmethod
    def read(cls, reader: Reader) -> TrainingSection:
        """Read the section."""
        plain = dict(reader.plain)
        size = plain.get("inference_batch_size")
        if size == plain.get("batch_size") and not isinstance(size, bool):
            # By default it is the training batch size: one mistake is told once.
            plain.pop("inference_batch_size", None)
        found = Reader(plain, problems=reader.problems).values(cls)
        found["inference_batch_size"] = found.get("inference_batch_size") or found["batch_size"]
        every, iterations = found.get("eval_frequency"), found["iterations"]
        if every and iterations and every > iterations:
            reader.refuse(
                "eval_frequency",
                f"is {every}, more than the {iterations} iterations",
                "the run would end before its first evaluation: use at most iterations",
            )
        return cls(**found)


@dataclass(frozen=True)
class SeedSection:
    """The seeds of a run.

    Args:
        seed: What all random numbers come from.
    """

    seed: int | str = required(seed)

    @property
    def training(self) -> int:
        """Seed of everything but the dataset."""
        return seed_pair(self.seed)[0]

    @property
    def dataset(self) -> int:
        """Seed of the dataset."""
        return seed_pair(self.seed)[1]


@dataclass(frozen=True)
class CompileSection:
    """How the model is compiled by `torch.compile`, in place.

    Args:
        enabled: Compile it.
        mode: What to optimise for; None for the default.
        dynamic: One program for all shapes, instead of one for each.
        fullgraph: Fail where the model cannot be one graph.
        backend: What makes programs of graphs.
    """

    enabled: bool = key(flag, True)
    mode: str | None = key(one_of(*COMPILE_MODES), None)
    dynamic: bool = key(flag, False)
    fullgraph: bool = key(flag, False)
    backend: str = key(text, "inductor")


@dataclass(frozen=True)
class FSDPSection:
    """How the weights of a model are divided over processes by `strategy: fsdp`.

    Args:
        units: Names of modules, or of their classes, whose weights are brought together at once;
            `*` stands for any part of a name. By default those in lists of modules with at least
            a million weights.
    """

    units: tuple[str, ...] | None = key(or_null(texts, "for those with many weights"), None)


@dataclass(frozen=True)
class ComputeSection:
    """Where a run computes.

    Args:
        device: Where the model goes: any torch device. Without CUDA the run goes on with the CPU
            and says so.
        reproducible: Choose algorithms that give the same numbers again.
        features_cache: Folder where what never varies about a file (decoding, a spectrogram) is
            kept, for all runs; None for none.
        compile: How `torch.compile` compiles the model: true, or a mapping; None for not at all.
        devices: How many processes train the run together, each on a device of its own: a number,
            or `all` of this machine.
        nodes: On how many machines of a cluster so many processes each train the run together, as a
            job of SLURM.
        strategy: How they do it: `ddp`, each has the whole model and a share of every batch;
            `fsdp`, each has a share of the model too.
        fsdp: How the model is divided, if that is the strategy.
        sync_batchnorm: Batch normalisation over the samples of all of them, not of each alone.
    """

    device: str = key(device_name, "cuda:0", makes_run=False)
    reproducible: bool = key(flag, True)
    features_cache: str | None = key(or_null(text, "for none"), None, makes_run=False)
    compile: CompileSection | None = options(CompileSection, shorthand="enabled")
    devices: int | str = key(_devices, cast("int | str", 1), makes_run=False)
    nodes: int = key(count, 1, makes_run=False)
    strategy: str = key(one_of("ddp", "fsdp"), "ddp", makes_run=False)
    fsdp: FSDPSection | None = options(FSDPSection, makes_run=False)
    sync_batchnorm: bool = key(flag, False)


@dataclass(frozen=True)
class SweepSection:
    """Where a sweep keeps its runs, and when it ends.

    Args:
        results_dir: Folder of all results, if configured.
        experiment_id: Name of the experiment, if configured.
        fail_fast: End a sweep with its first run that fails.
        jobs: How many runs train at once, or `auto` for as many as there are GPUs, or cores.
        jobs_per_gpu: How many of them share a GPU.
        launcher: What trains the runs: `basic`, this process, one after the other; `local`, a pool
            of processes; `slurm`, jobs of a cluster; `ray`, tasks of Ray; by default a pool if
            `jobs` is not 1.
        slurm: What SLURM is asked for, if that is the launcher.
        ray: Where Ray is and what it is asked for, if that is the launcher.
    """

    results_dir: str | None = key(text, None, makes_run=False)
    experiment_id: str | None = key(folder_inside, None, makes_run=False)
    fail_fast: bool = key(flag, False, makes_run=False)
    jobs: int | str = key(_count_or_auto, _ONE, makes_run=False)
    jobs_per_gpu: int = key(count, 1, makes_run=False)
    launcher: str | None = key(or_null(one_of(*LAUNCHERS), _BY_JOBS), None, makes_run=False)
    slurm: SlurmSection | None = options(SlurmSection, makes_run=False)
    ray: RaySection | None = options(RaySection, makes_run=False)

    @classmethod
    def read(cls, reader: Reader) -> SweepSection:
        """Read the section."""
        known = len(reader.problems)
        found = reader.section(cls)
        if found.launcher == "slurm" and len(reader.problems) == known:
            _refuse_slurm(reader, found)
        return found

    @property
    def asks_for_pool(self) -> bool:
        """Whether something else than this process is asked for, be it by a contradiction."""
        return self.launcher not in (None, "basic") or self.jobs != 1


def _refuse_slurm(reader: Reader, section: SweepSection) -> None:
    """Note what cannot be asked of SLURM."""
    if section.slurm is None:
        fix = "say at least how long a job may take, such as slurm: {time: 8h}"
        reader.refuse("slurm", "is missing where launcher is 'slurm'", fix)
    elif section.slurm.margin_s >= section.slurm.time:
        reader.refuse("slurm.margin", "leaves no time to train", "make it shorter than slurm.time")
    if section.jobs != 1:
        reader.refuse(
            "jobs",
            f"is {section.jobs!r}, which is for one machine, and launcher is 'slurm'",
            "leave it out, and limit how many jobs run at once by slurm.at_once",
        )


def refuse_nodes(reader: Reader, compute: ComputeSection, sweep: SweepSection) -> None:
    """Note several nodes that nobody is asked for."""
    if (compute.nodes or 1) > 1 and sweep.launcher != "slurm":
        reader.refuse(
            "nodes",
            f"is {compute.nodes}, but this command starts processes on this machine alone",
            "use launcher=slurm, or leave it out and start the command on each node by torchrun or "
            "srun",
        )
