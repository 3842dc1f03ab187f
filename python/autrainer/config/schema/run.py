"""`RunConfig`: the configuration of a run, read once into sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from autrainer.config.plain import Plain, as_plain
from autrainer.config.schema.problems import Origin, Problem, refuse
from autrainer.config.schema.reading import LEFT_OPEN, Reader, keys_of
from autrainer.config.schema.sections import dataset, model, optimizer, scheduler
from autrainer.config.schema.sections.augmentation import AugmentationSection
from autrainer.config.schema.sections.dataset import DatasetSection
from autrainer.config.schema.sections.loaders import LOADER_KEYS, LoadersSection
from autrainer.config.schema.sections.model import ModelSection
from autrainer.config.schema.sections.optimizer import OptimizerSection
from autrainer.config.schema.sections.plotting import PlottingSection
from autrainer.config.schema.sections.resuming import ResumingSection
from autrainer.config.schema.sections.saving import SavingSection
from autrainer.config.schema.sections.scheduler import SchedulerSection
from autrainer.config.schema.sections.stopping import StoppingSection
from autrainer.config.schema.sections.training import (
    ComputeSection,
    SeedSection,
    SweepSection,
    TrainingSection,
    refuse_nodes,
)
from autrainer.config.schema.sections.updates import UpdateSection
from autrainer.config.schema.targets import TargetList

if TYPE_CHECKING:
    from omegaconf import DictConfig

GROUPS = ("dataset", "model", "optimizer", "scheduler", "augmentation", "plotting")
LISTS = ("callbacks", "loggers")

CONSUMED: Mapping[str, Sequence[str]] = {
    "dataset": dataset.CONSUMED,
    "model": model.CONSUMED,
    "optimizer": optimizer.CONSUMED,
    "scheduler": scheduler.CONSUMED,
}
"""Keys of a group beside the arguments of the class that it names; the class does not get them."""

ATTRIBUTES = (
    TrainingSection,
    SeedSection,
    SavingSection,
    ComputeSection,
    SweepSection,
    UpdateSection,
    ResumingSection,
    StoppingSection,
)
"""The sections whose keys stand at the top of a configuration: the training attributes."""

ATTRIBUTE_KEYS = tuple(key for section in ATTRIBUTES for key in keys_of(section))
KNOWN_KEYS = (*GROUPS, *LISTS, *LOADER_KEYS, *(each.name for each in ATTRIBUTE_KEYS))


@dataclass(frozen=True)
class RunConfig:
    """The configuration of a run.

    What is wrong with the classes that it names, and with how they are named, is not looked at
    when it is read, but when the classes are: `training/checks/configuration.py`.

    Args:
        plain: The whole configuration in its plain form, as it came: what is written into the run
            folder and compared with that of other runs.
        training: How the run trains.
        seeds: Its seeds.
        saving: What it saves for its users.
        compute: Where it computes.
        sweep: Where its sweep keeps it.
        updates: How the weights are updated.
        resuming: What it goes on from.
        stopping: What ends it early.
        loaders: Options of its loaders.
        loggers: Its loggers.
        callbacks: Its callbacks.
        dataset: Its dataset, criterion, metrics.
        model: Its model.
        optimizer: Its optimizer.
        scheduler: Its scheduler.
        augmentation: Its augmentation.
        plotting: Its plots.
    """

    plain: Plain
    training: TrainingSection
    seeds: SeedSection
    saving: SavingSection
    compute: ComputeSection
    sweep: SweepSection
    updates: UpdateSection
    resuming: ResumingSection
    stopping: StoppingSection
    loaders: LoadersSection
    loggers: TargetList
    callbacks: TargetList
    dataset: DatasetSection
    model: ModelSection
    optimizer: OptimizerSection
    scheduler: SchedulerSection
    augmentation: AugmentationSection
    plotting: PlottingSection

    @classmethod
    def read(cls, config: Plain, sources: Origin | None = None) -> RunConfig:
        """Read a configuration.

        Args:
            config: The whole configuration, resolved or resolvable.
            sources: Knows which file sets a key; for messages.

        Raises:
            ProblemsError: if a training attribute is wrong or a group missing, with everything of
                the kind.
        """
        found, problems = cls.parse(config)
        refuse(problems, sources)
        return found

    @classmethod
    def parse(cls, config: Plain) -> tuple[RunConfig, list[Problem]]:
        """Read a configuration in which something may be wrong.

        Args:
            config: The whole configuration, resolved or resolvable.

        Returns:
            The configuration, and what is wrong with training attributes and groups: where a value
            is missing or wrong it holds None, where a group is, an empty one.
        """
        plain = as_plain(config)
        reader = Reader(plain)
        training = TrainingSection.read(reader)
        data = plain.get("dataset")
        found = cls(
            plain=plain,
            training=training,
            seeds=reader.section(SeedSection),
            saving=SavingSection.read(reader, training.eval_frequency),
            compute=reader.section(ComputeSection),
            sweep=SweepSection.read(reader),
            updates=UpdateSection.read(reader, training),
            resuming=reader.section(ResumingSection),
            loaders=LoadersSection.read(reader, data if isinstance(data, Mapping) else {}),
            loggers=_list(reader, "loggers"),
            callbacks=_list(reader, "callbacks"),
            stopping=reader.section(StoppingSection),
            dataset=DatasetSection.read(reader, _group(reader, "dataset")),
            model=ModelSection.read(_group(reader, "model")),
            optimizer=OptimizerSection.read(_group(reader, "optimizer")),
            scheduler=SchedulerSection.read(reader, _group(reader, "scheduler")),
            augmentation=AugmentationSection.read(_group(reader, "augmentation")),
            plotting=PlottingSection.read(_group(reader, "plotting")),
        )
        refuse_nodes(reader, found.compute, found.sweep)
        _refuse_near_names(reader)
        if not any(group in plain for group in GROUPS):
            return found, [_NOTHING_INHERITED]
        return found, reader.problems

    @cached_property
    def cfg(self) -> DictConfig:
        """The configuration as loggers and users get it: the criterion stands at the top."""
        from omegaconf import OmegaConf

        moved = dict(self.plain)
        dataset = dict(moved["dataset"])
        if "criterion" in dataset:
            moved["criterion"] = dataset.pop("criterion")
        return OmegaConf.create({**moved, "dataset": dataset})


_NOTHING_INHERITED = Problem(
    "the configuration",
    f"has none of the groups {', '.join(GROUPS)}",
    "begin the main file with `defaults: [_autrainer_, _self_]`",
)


def _list(reader: Reader, key: str) -> TargetList:
    found = TargetList.read(key, reader.plain.get(key))
    if found.problem is not None and reader.plain[key] != LEFT_OPEN:
        reader.problems.append(found.problem)
    return found


def _group(reader: Reader, group: str) -> Plain:
    """The mapping that a group is; an empty one where it is none."""
    chosen = reader.plain.get(group, LEFT_OPEN)
    if isinstance(chosen, Mapping):
        if group not in ("plotting", "augmentation") and not chosen.get("id"):
            reader.refuse(f"{group}.id", "is missing", "give it the name of its file")
    elif chosen is None or chosen == LEFT_OPEN:
        reader.refuse(group, "is missing", f"choose one: autrainer list {group}")
    else:
        reader.refuse(group, f"is {chosen!r}", f"name a configuration: autrainer list {group}")
    return chosen if isinstance(chosen, Mapping) else {}


def _refuse_near_names(reader: Reader) -> None:
    """Top-level keys may be of the user's own, but not nearly one of ours."""
    for key in reader.plain:
        if key in KNOWN_KEYS or key in ("criterion", "hydra"):
            continue
        near = _nearest(str(key))
        if near is not None:
            reader.refuse(str(key), "is no training attribute", f"did you mean {near!r}?")


def _nearest(name: str) -> str | None:
    """The known key that a name must be a slip of, or None.

    A known key with a number or a further word, such as `seed_2`, is a name of the user's own.
    """
    import difflib

    for near in difflib.get_close_matches(name, KNOWN_KEYS, n=1, cutoff=0.85):
        rest = name.removeprefix(near)
        if rest == name or not (rest.isdigit() or rest.startswith("_")):
            return near
    return None
