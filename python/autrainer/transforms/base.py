"""What a transform is: a callable that takes a data item, changes it and returns it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol, TypeAlias, runtime_checkable

import audobject
import torch


class Item(Protocol):
    """What transforms see of a data item."""

    features: Any
    target: Any
    index: Any


@runtime_checkable
class HasSetup(Protocol):
    """A transform that learns something from the dataset before the first item."""

    def setup(self, dataset: Any) -> Any:
        """Called once per pipeline, with the dataset complete."""


@runtime_checkable
class HasCollate(Protocol):
    """A transform that acts on whole batches."""

    def get_collate_fn(self, dataset: Any, default: Any) -> Any:
        """The function from a list of items to a batch."""


@runtime_checkable
class HasGenerator(Protocol):
    """A transform that draws random numbers."""

    def offset_generator_seed(self, offset: int) -> None:
        """Called once in every worker of a loader, with the number of the worker."""


Features: TypeAlias = torch.Tensor


class AbstractTransform(ABC, audobject.Object):  # type: ignore[misc]
    """Base of every transform.

    A transform may also have `setup(dataset)`, `get_collate_fn(dataset, default)` and
    `offset_generator_seed(offset)`; `SmartCompose` looks for them.

    Args:
        order: Position among the transforms of a pipeline; lower ones act first. -100 makes
            tensors, -95 mixes channels, -90 and -85 change shapes, 0 augments, 90 and 95 scale,
            100 changes colours.
        **kwargs: Kept as attributes and written with the transform.
    """

    def __init__(self, order: int = 0, **kwargs: Any) -> None:
        kwargs = {key: value for key, value in kwargs.items() if not key.startswith("_object_")}
        super().__init__(**kwargs)
        self.order = order
        for key, value in kwargs.items():
            setattr(self, key, value)

    @abstractmethod
    def __call__(self, item: Item) -> Item:
        """Change an item and return it."""

    def __repr__(self) -> str:
        arguments = ", ".join(
            f"{key}={value!r}" for key, value in vars(self).items() if not key.startswith("_")
        )
        return f"{type(self).__name__}({arguments})"


class FeaturesTransform(AbstractTransform):
    """A transform of the features alone; what it was given stays as it is."""

    def __call__(self, item: Item) -> Item:
        """Replace the features of an item."""
        item.features = self.change(item.features)
        return item

    @abstractmethod
    def change(self, features: Any) -> torch.Tensor:
        """The features to go on with."""
