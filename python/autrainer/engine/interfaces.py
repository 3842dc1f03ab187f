"""What the engine asks of a batch, a model, a criterion, a loader and those who keep outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from autrainer.models.base import AbstractModel

Array: TypeAlias = npt.NDArray[Any]
"""Targets, predictions or indices of a split, of any dtype."""

Strata: TypeAlias = Mapping[Any, npt.NDArray[np.bool_]]
"""For each stratum, named as the CSV file names it, which of the N samples belong to it."""

Criterion: TypeAlias = torch.nn.Module
"""Called with outputs and targets; gives unreduced losses, shape (B,) or (B, T)."""

Probabilities: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""What stands between the outputs of a model and the criterion, of the same shape."""

Result: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""Unreduced losses and outputs."""


class Batch(Protocol):
    """Some samples of a split; classes of users add fields.

    Attributes:
        features: What the model sees, shape (B, ...).
        target: Encoded targets, shape (B,) or (B, T).
        index: Positions of the samples in their split, shape (B,).
    """

    features: torch.Tensor
    target: torch.Tensor
    index: torch.Tensor

    def to(self, device: torch.device | str, **kwargs: Any) -> Any:
        """Move it, in place or as what is returned."""


class Batches(Protocol):
    """The batches of a pass; None is one in which this process has no sample."""

    def __iter__(self) -> Iterator[Batch | None]: ...

    def __len__(self) -> int: ...


Move: TypeAlias = Callable[[Batch], Batch]
"""Brings a batch to the device of the model."""

StepFunction: TypeAlias = Callable[[AbstractModel, Batch, Criterion, Probabilities], Result]
"""`(model, batch, criterion, probabilities_fn) -> (losses, outputs)`."""


class Tracker(Protocol):
    """Keeps what a model says about the samples of a split."""

    def update(
        self,
        output: torch.Tensor,
        target: torch.Tensor,
        loss: torch.Tensor,
        sample_idx: torch.Tensor,
    ) -> None:
        """Append the rows of one batch."""

    def skip_batch(self) -> None:
        """Take note of a batch in which this process has no sample."""
