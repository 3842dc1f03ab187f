"""Transforms in a row."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from autrainer.runs.addressed import AddressedObject
from autrainer.transforms.base import (
    AbstractTransform,
    HasCollate,
    HasGenerator,
    HasSetup,
    Item,
    applied,
)

log = logging.getLogger(__name__)


class SmartCompose(AddressedObject):
    """Applies transforms one after the other, sorted by their `order`.

    Transforms of equal order keep the order in which they were given. The given list itself is
    left as it is.

    Args:
        transforms: The transforms; none at all gives a compose that changes nothing.
        **kwargs: Kept as attributes and written with the compose.
    """

    def __init__(self, transforms: Iterable[Any], **kwargs: Any) -> None:
        kwargs = {key: value for key, value in kwargs.items() if not key.startswith("_object_")}
        super().__init__(**kwargs)
        for key, value in kwargs.items():
            setattr(self, key, value)
        self.transforms: list[Any] = sorted(transforms, key=_order)

    def __call__(self, item: Item) -> Item:
        """Apply every transform to an item."""
        return applied(self.transforms, item)

    def __add__(self, other: Any) -> SmartCompose:
        """A new compose of both sides; None adds nothing.

        Raises:
            TypeError: if the other side is no transform, compose or list with some of these.
        """
        if other is None:
            return self
        return SmartCompose([*self.transforms, *_members(other)])

    def get_collate_fn(self, dataset: Any) -> Callable[[list[Any]], Any]:
        """The function that makes batches: that of the last transform that has one.

        Args:
            dataset: Its `default_collate_fn` is what the transform builds upon.
        """
        for transform in reversed(self.transforms):
            if isinstance(transform, HasCollate):
                collate: Callable[[list[Any]], Any] = transform.get_collate_fn(
                    dataset, dataset.default_collate_fn
                )
                return collate
        default: Callable[[list[Any]], Any] = dataset.default_collate_fn
        return default

    def setup(self, dataset: Any) -> SmartCompose:
        """Let every transform that wants to learn from the dataset."""
        for transform in self.transforms:
            if isinstance(transform, HasSetup):
                transform.setup(dataset)
        return self

    def offset_generator_seed(self, offset: int) -> None:
        """Give every transform that draws random numbers the stream of a loader worker."""
        for transform in self.transforms:
            if isinstance(transform, HasGenerator):
                transform.offset_generator_seed(offset)

    @property
    def _members(self) -> list[Any]:
        return self.transforms

    def __repr__(self) -> str:
        return f"SmartCompose([{', '.join(map(repr, self.transforms))}])"


def _order(transform: Any) -> Any:
    return getattr(transform, "order", 0)


def _members(other: Any) -> list[Any]:
    if isinstance(other, SmartCompose):
        return other.transforms
    if isinstance(other, AbstractTransform):
        return [other]
    if not isinstance(other, list):
        raise TypeError(
            f"cannot add {type(other).__name__} to a SmartCompose; add an AbstractTransform, a "
            "SmartCompose, a list of these, or None"
        )
    valid = [member for member in other if isinstance(member, _MEMBERS)]
    if not valid:
        raise TypeError("a list that is added to a SmartCompose needs a transform in it")
    strange = [type(member).__name__ for member in other if not isinstance(member, _MEMBERS)]
    if strange:
        log.warning("left out of a SmartCompose, being no transforms: %s", ", ".join(strange))
    return [transform for member in valid for transform in _members(member)]


_MEMBERS = (AbstractTransform, SmartCompose)
