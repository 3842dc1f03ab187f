"""What a loader may know of a dataset beside its items, so that whole batches are made at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from autrainer.data.native.decode import NativeFormat
from autrainer.data.native.file_reader import DrawArray
from autrainer.data.native.shuffle import IndexArray

Features = torch.Tensor | list[torch.Tensor]
"""Features of a batch: one tensor, first axis the batch, or one each where shapes differ."""

BatchFunction = Callable[[Features, IndexArray], Features]
"""Applies transforms to the features of a batch; the indices are positions in the split."""


@dataclass(frozen=True)
class Files:
    """Features that lie in files, one per sample.

    Args:
        paths: A file for each sample.
        format: How the core reads them.
        load: Features of one sample by Python, for files that the core does not know.
        then: What the steps of the format are in Python; applied to what was loaded. None for none.
            Where something is drawn, under the key of a sample.
        draws: Random bits of samples for the crop of the format, of (seed, epoch, rows); None where
            the format has none.
    """

    paths: Sequence[str]
    format: NativeFormat
    load: Callable[[int], Any]
    then: BatchFunction | None = None
    draws: Callable[[int, int, IndexArray], DrawArray] | None = None

    def name_of(self, row: int) -> str:
        """Name of a sample, for messages."""
        return str(self.paths[row])


@dataclass(frozen=True)
class SplitSource:
    """A split whose batches can be made without making items.

    Args:
        features: All of them, shape (N, ...) and contiguous, or where they lie.
        targets: Encoded targets, shape (N,) or (N, T), contiguous.
        fixed: Transforms that give the same in every pass, so that it may be kept; None for none.
        varying: The rest, which comes after them, keyed by (seed, epoch, index); None for none.
        dtype: What the features become after the transforms; None for what they are.
        slices: The same samples, made of slices of their files: where a random crop comes first, it
            is a part of the format. None where it does not.
    """

    features: torch.Tensor | Files
    targets: torch.Tensor
    fixed: BatchFunction | None = None
    varying: BatchFunction | None = None
    dtype: torch.dtype | None = None
    slices: SplitSource | None = None


Source = SplitSource
"""The name that it had first; existing datasets import it."""


@dataclass(frozen=True)
class ItemsOnly:
    """A split whose items have to be made one by one.

    Args:
        reason: Why.
        is_thread_safe: Nothing but our own code makes them, so several threads may do it, and
            nothing draws from the global generators.
    """

    reason: str
    is_thread_safe: bool = False


@dataclass(frozen=True)
class ResidentArrays:
    """A split that lies in memory, ready for the model.

    The loader copies rows out of it and changes nothing.

    Args:
        features: Shape (N, ...), contiguous.
        targets: Encoded targets, shape (N,) or (N, T), contiguous.
    """

    features: torch.Tensor
    targets: torch.Tensor


class MapDataset(Protocol):
    """What a loader needs of a dataset.

    It may offer `source() -> SplitSource | ItemsOnly` or `resident() -> ResidentArrays | None` too,
    and `name_of(index) -> str`, which names a sample in errors.
    """

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, index: int, /) -> Any:
        """One sample."""


def source_of(dataset: Any) -> SplitSource | ItemsOnly:
    """What a dataset offers to make whole batches of."""
    source = getattr(dataset, "source", None)
    if callable(source):
        offered: SplitSource | ItemsOnly = source()
        return offered
    resident = getattr(dataset, "resident", None)
    arrays = resident() if callable(resident) else None
    if arrays is None:
        return ItemsOnly(f"the samples of {type(dataset).__name__} are made one by one")
    return SplitSource(arrays.features, arrays.targets)
