"""Augmentations made of augmentations."""

from __future__ import annotations

from typing import Any, ClassVar

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.augmentations.seeds import SeedCounter
from autrainer.config.instantiate import instantiate_shorthand
from autrainer.errors import ConfigError
from autrainer.runs.random.seeds import next_generator_seed
from autrainer.transforms.base import HasCollate, Item, applied


class Container(AbstractAugmentation):
    """An augmentation with members.

    Attributes:
        members_argument: Name of the constructor argument that holds the members. By it a pipeline
            recognises containers, under whatever import path.
    """

    members_argument: ClassVar[str]

    def offset_generator_seed(self, offset: int) -> None:
        """Start the streams of a loader worker, those of the members too."""
        super().offset_generator_seed(offset)
        for member in self._members:
            member.offset_generator_seed(offset)

    @property
    def _members(self) -> list[AbstractAugmentation]:
        raise NotImplementedError

    def _build(self, entries: list[Any]) -> list[AbstractAugmentation]:
        own = self.generator_seed
        first = None if own is None else next_generator_seed(own)
        members = [
            instantiate_shorthand(entry, instance_of=AbstractAugmentation)
            for entry in SeedCounter(first).give(entries)
        ]
        for member in members:
            if isinstance(member, HasCollate):
                raise ConfigError(
                    f"{type(self).__name__}: {type(member).__name__} acts on whole batches and "
                    "cannot be a member; put it beside, into the pipeline"
                )
        return members


class Sequential(Container):
    """Several augmentations as one, in the order of the list.

    Each member acts by its own probability; its `order` means nothing here.

    Args:
        sequence: The members, in shorthand. Those without a seed get the numbers after this one's.
        order: As in `AbstractAugmentation`.
        p: Probability that any of it happens.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        ConfigError: if a member acts on whole batches.
    """

    members_argument = "sequence"

    def __init__(
        self,
        sequence: list[Any],
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.sequence = sequence
        self.augmentation_sequence = self._build(sequence)

    def apply(self, item: Item) -> Item:
        """Let one member after the other act."""
        return applied(self.augmentation_sequence, item)

    @property
    def _members(self) -> list[AbstractAugmentation]:
        return self.augmentation_sequence

    @property
    def _deterministic(self) -> bool:  # type: ignore[override]
        return all(member._deterministic for member in self._members)


class Choice(Container):
    """One of several augmentations, drawn for each item.

    Args:
        choices: The members, in shorthand. Those without a seed get the numbers after this one's.
        weights: How likely each member is, relative to the others; None for all alike.
        order: As in `AbstractAugmentation`.
        p: Probability that any member is drawn.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        ConfigError: if a member acts on whole batches, or weights and members do not match.
    """

    members_argument = "choices"

    def __init__(
        self,
        choices: list[Any],
        weights: list[float] | None = None,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.choices = choices
        self.augmentation_choices = self._build(choices)
        self.weights = _shares(weights, len(self.augmentation_choices))

    def apply(self, item: Item) -> Item:
        """Let one member act."""
        drawn = self._decisions.position(self.weights)
        return applied([self.augmentation_choices[drawn]], item, first_place=drawn)

    @property
    def _members(self) -> list[AbstractAugmentation]:
        return self.augmentation_choices

    @property
    def _deterministic(self) -> bool:  # type: ignore[override]
        return all(member._deterministic for member in self._members)


def _shares(weights: list[float] | None, num_choices: int) -> list[float]:
    if num_choices == 0:
        raise ConfigError("Choice: choices is empty; give one augmentation or more")
    if weights is None:
        weights = [1.0] * num_choices
    if len(weights) != num_choices:
        raise ConfigError(
            f"Choice: there are {num_choices} choices and {len(weights)} weights; "
            "give as many of both"
        )
    if min(weights) < 0 or sum(weights) <= 0:
        raise ConfigError(
            f"Choice: weights are {weights!r}; none may be below zero, and not all may be zero"
        )
    total = sum(weights)
    return [weight / total for weight in weights]
