"""One sample and one batch of samples: what datasets yield and models receive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from autrainer.data.native.collate import collate_fields


@dataclass
class AbstractDataItem(ABC):
    """A sample. Subclasses may add fields; these three keep their names.

    Args:
        features: What the model sees.
        target: What it should answer: encoded, once the dataset has returned the item.
        index: Position of the sample in its split.
    """

    features: torch.Tensor
    target: Any
    index: int


@dataclass
class DataItem(AbstractDataItem):
    """A sample without further fields."""


Item = TypeVar("Item", bound=AbstractDataItem)
Batch = TypeVar("Batch", bound="AbstractDataBatch[Any]")


@dataclass
class AbstractDataBatch(ABC, Generic[Item]):
    """A batch of samples. Subclasses add the fields that their items add.

    Args:
        features: Features of all samples, shape (B, ...).
        target: Encoded targets, shape (B,) or (B, T).
        index: Positions of the samples in their split, int64, shape (B,).
    """

    features: torch.Tensor
    target: torch.Tensor
    index: torch.Tensor

    @abstractmethod
    def to(self, device: torch.device | str, **kwargs: Any) -> None:
        """Move the batch to a device, in place.

        Args:
            device: Where to.
            kwargs: Handed to `Tensor.to`, `non_blocking` for instance.
        """

    def pin_memory(self: Batch) -> Batch:
        """The batch itself, with every tensor moved to page-locked memory."""
        for name, value in vars(self).items():
            if isinstance(value, torch.Tensor):
                setattr(self, name, value.pin_memory())
        return self

    @classmethod
    def collate(cls: type[Batch], items: Sequence[Item]) -> Batch:
        """Stack samples into a batch, field by field.

        The first item decides: tensors and arrays are stacked and keep their dtype, numbers become
        a tensor. Fields that an item class adds travel along; the batch class needs them too.

        Raises:
            DataError: if the samples differ in shape or dtype.
        """
        return cls(**collate_fields(items))


@dataclass
class DataBatch(AbstractDataBatch[DataItem]):
    """A batch without further fields; its indices always stay on the CPU."""

    def to(self, device: torch.device | str, **kwargs: Any) -> None:
        """Move features and targets to a device, in place."""
        self.features = self.features.to(device, **kwargs)
        self.target = self.target.to(device, **kwargs)
