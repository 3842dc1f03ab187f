"""From the augmentation of a configuration to transforms."""

from __future__ import annotations

from typing import Any

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.augmentations.seeds import SeedCounter
from autrainer.config.instantiate import instantiate, instantiate_shorthand
from autrainer.transforms.compose import SmartCompose


class AugmentationPipeline:
    """A list of augmentations that are seeded one after the other.

    Args:
        pipeline: Augmentations in shorthand; a null for arguments means none. `Sequential` and
            `Choice` take a seed first, then their members.
        generator_seed: Seed of the first augmentation without its own; None seeds none.
        increment: Whether each one gets the next number, or all the same one.
    """

    def __init__(
        self,
        pipeline: list[Any] | None,
        generator_seed: int | None = 0,
        increment: bool = True,
    ) -> None:
        self.pipeline = pipeline or []
        self.generator_seed = generator_seed
        self.increment = increment

    def create_pipeline(self) -> SmartCompose:
        """The augmentations, sorted by order.

        Raises:
            ValueError: if an entry is no `AbstractAugmentation`.
        """
        entries = SeedCounter(self.generator_seed, self.increment).give(self.pipeline)
        return SmartCompose(
            [instantiate_shorthand(entry, instance_of=AbstractAugmentation) for entry in entries]
        )


class AugmentationManager:
    """Builds the augmentations of train, dev and test.

    Args:
        train_augmentation: Configuration of an `AugmentationPipeline`, or None.
        dev_augmentation: The same for dev.
        test_augmentation: The same for test.
    """

    def __init__(
        self,
        train_augmentation: Any = None,
        dev_augmentation: Any = None,
        test_augmentation: Any = None,
    ) -> None:
        self._configs = (train_augmentation, dev_augmentation, test_augmentation)

    def get_augmentations(self) -> tuple[SmartCompose, SmartCompose, SmartCompose]:
        """The augmentations of train, dev and test; empty where there are none."""
        train, dev, test = map(_create, self._configs)
        return train, dev, test


def _create(config: Any) -> SmartCompose:
    pipeline = instantiate(config, instance_of=AugmentationPipeline) if config else None
    return SmartCompose([]) if pipeline is None else pipeline.create_pipeline()
