"""The augmentation of a run."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.config.plain import Plain
from autrainer.config.schema.targets import Target, TargetList


@dataclass(frozen=True)
class AugmentationSection:
    """A pipeline of augmentations.

    Args:
        target: Its class, which gets the list too.
        pipeline: What the list names.
    """

    target: Target
    pipeline: TargetList

    @classmethod
    def read(cls, plain: Plain) -> AugmentationSection:
        """Read the section.

        Args:
            plain: The mapping of the augmentation.
        """
        pipeline = TargetList.read("augmentation.pipeline", plain.get("pipeline"))
        return cls(Target.of_group("augmentation", plain), pipeline)
