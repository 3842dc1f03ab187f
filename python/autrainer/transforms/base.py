"""What a transform is: a callable that takes a data item, changes it and returns it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias, runtime_checkable

import torch

from autrainer.features.settings import Crop, Step
from autrainer.runs.addressed import AddressedObject
from autrainer.runs.random.keys import active_key


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
BatchForm: TypeAlias = Callable[[torch.Tensor], torch.Tensor]

# What a subclass has that leaves the work to its parents.
_ACTS_ON_NOTHING = {
    "__abstractmethods__",
    "__annotations__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__init__",
    "__module__",
    "__parameters__",
    "__qualname__",
    "__static_attributes__",
    "__weakref__",
    "_abc_impl",
}


class AbstractTransform(ABC, AddressedObject):
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
    """A transform of the features alone; what it was given stays as it is.

    One that has `change_batch` too, from (B, ...) to (B, ...) with the bits that `change` gives for
    each sample, promises that it draws nothing, keeps nothing and may be called by several
    threads; loaders then call it instead. `BatchTransform` needs nothing else.
    """

    def __call__(self, item: Item) -> Item:
        """Replace the features of an item."""
        item.features = self.change(item.features)
        return item

    @abstractmethod
    def change(self, features: Any) -> torch.Tensor:
        """The features to go on with."""


class BatchTransform(FeaturesTransform):
    """A transform of the features that treats every sample of a batch alike.

    What it gives for a sample must not depend, not in a single bit, on the others in the batch.
    """

    def change(self, features: torch.Tensor) -> torch.Tensor:
        """The features of one sample: those of a batch of one."""
        batch = features[None]
        changed = self.change_batch(batch)
        return features if changed is batch else changed[0]

    @abstractmethod
    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The features of samples of the same shape, (B, ...)."""


def applied(transforms: Iterable[Any], item: Item, first_place: int = 0) -> Item:
    """An item after one transform and then the other, each at a place of its own.

    Args:
        transforms: What is applied.
        item: What it is applied to.
        first_place: Place of the first transform, within the place of whoever calls this. What
            transforms draw under a key depends on it.
    """
    key = active_key()
    if key is None:
        for transform in transforms:
            item = transform(item)
        return item
    outer = key.place
    try:
        for place, transform in enumerate(transforms, first_place):
            key.place = (*outer, place)
            item = transform(item)
    finally:
        key.place = outer
    return item


def batch_form(transform: Any) -> BatchForm | None:
    """What changes the features of many samples at once, shape (B, ...), as the transform would.

    None if there is no such thing, or if a subclass has changed what happens to one sample only.
    """
    kind = type(transform)
    if not isinstance(transform, FeaturesTransform):
        return None
    if {"change", "change_batch"} & {*vars(transform)}:
        return None
    single, batched = _owner_of(kind, "change"), _owner_of(kind, "change_batch")
    if batched is None or single is None or not issubclass(batched, single):
        return None
    if _owner_of(kind, "__call__") is not FeaturesTransform:
        return None
    form: BatchForm = transform.change_batch
    return form


def native_steps(transform: Any) -> tuple[Step, ...] | None:
    """What the core does to sound in the place of a transform, with the same bits.

    A transform tells it by a method `native_steps`. None if there is no such thing, or if a
    subclass has changed what happens to samples.
    """
    if not _speaks_for(transform, "native_steps"):
        return None
    steps: tuple[Step, ...] = transform.native_steps()
    return steps


def native_crop(transform: Any) -> Crop | None:
    """The stretch of sound, (channels, samples), that a transform cuts out, with the same bits.

    A transform tells it by a method `native_crop`, and by `crop_bits(key)` where a sample is cut.
    None if there is no such thing, or if a subclass has changed what happens to samples.
    """
    if not _speaks_for(transform, "native_crop"):
        return None
    crop: Crop | None = transform.native_crop()
    return crop


def _speaks_for(transform: Any, method: str) -> bool:
    """Whether a method is of the class that decides what happens to samples."""
    kind = type(transform)
    owner = _owner_of(kind, method)
    acts = ("__call__", "change", "change_batch")
    if owner is None or {*acts, method} & {*vars(transform)}:
        return False
    owners = [found for name in acts if (found := _owner_of(kind, name)) is not None]
    return all(issubclass(owner, found) for found in owners)


def is_ours(transform: Any) -> bool:
    """Whether all that acts in a transform is code of this package, its members included.

    A subclass that only has a constructor of its own is still ours.
    """
    for kind in type(transform).__mro__:
        if kind.__module__.partition(".")[0] == "autrainer":
            return all(map(is_ours, getattr(transform, "_members", ())))
        if not vars(kind).keys() <= _ACTS_ON_NOTHING:
            return False
    return False


def is_random(transform: Any) -> bool:
    """Whether a transform may give another result for the same item; of foreign code, yes."""
    if is_ours(transform):
        return isinstance(transform, HasGenerator)
    return batch_form(transform) is None


def _owner_of(kind: type, name: str) -> type | None:
    return next((parent for parent in kind.__mro__ if name in vars(parent)), None)
