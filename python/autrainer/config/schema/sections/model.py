"""The model of a run, and the states that it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from autrainer.config.plain import Plain
from autrainer.config.schema.kinds import or_null, saying, text, texts, truth
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.reading import Reader, key, keys_of
from autrainer.config.schema.sections.transforms import TransformSection
from autrainer.config.schema.targets import Target

_file = or_null(saying(text, "use the path of a file"), "for a fresh state")


@dataclass(frozen=True)
class CheckpointSection:
    """Files that the states of a run start from; None means a fresh state.

    Args:
        skip_last_layer: Leave the last linear or convolutional layer as it was initialised, so
            that a model for other classes can be taken.
        model_checkpoint: State of a model.
        optimizer_checkpoint: State of an optimizer.
        scheduler_checkpoint: State of a scheduler.
    """

    skip_last_layer: bool = key(truth, True)
    model_checkpoint: str | None = key(_file, None)
    optimizer_checkpoint: str | None = key(_file, None)
    scheduler_checkpoint: str | None = key(_file, None)

    @property
    def files(self) -> Mapping[str, str]:
        """The files that there are to be, by key."""
        named = {
            "model_checkpoint": self.model_checkpoint,
            "optimizer_checkpoint": self.optimizer_checkpoint,
            "scheduler_checkpoint": self.scheduler_checkpoint,
        }
        return {name: path for name, path in named.items() if path is not None}


@dataclass(frozen=True)
class FreezeSection:
    """What of a model does not train.

    Args:
        freeze: Patterns of names of parameters, or names of modules with all that is in them.
    """

    freeze: tuple[str, ...] = key(texts, ())


CONSUMED = (
    "transform",
    *(each.name for each in keys_of(CheckpointSection)),
    *(each.name for each in keys_of(FreezeSection)),
)


@dataclass(frozen=True)
class ModelSection:
    """A model.

    Args:
        id: Its name in the configuration.
        target: Its class. One that starts from a checkpoint needs no transfer weights: it does not
            get `transfer`.
        transform: What features have to go through before it.
        checkpoints: What it, its optimizer and its scheduler start from.
        freeze: Patterns of parameters that do not train.
        problems: What is wrong with the keys that its class does not get; told when classes are
            checked.
    """

    id: str
    target: Target
    transform: TransformSection
    checkpoints: CheckpointSection
    freeze: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, plain: Plain) -> ModelSection:
        """Read the section.

        Args:
            plain: The mapping of the model.
        """
        reader = Reader(plain, "model.")
        checkpoints = reader.section(CheckpointSection)
        freeze = reader.section(FreezeSection).freeze or ()
        target = Target.of_group("model", plain, CONSUMED)
        if checkpoints.model_checkpoint is not None:
            target = replace(target, dropped=("transfer",))
        return cls(
            plain.get("id", ""),
            target,
            TransformSection.read("model", plain.get("transform")),
            checkpoints,
            freeze,
            tuple(reader.problems),
        )
