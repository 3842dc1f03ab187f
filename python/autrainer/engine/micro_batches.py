"""Parts of a batch that go through a model one after the other."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import torch

from autrainer.engine.interfaces import Batch

OneBatch = TypeVar("OneBatch", bound=Batch)


def micro_batches(batch: OneBatch, size: int | None) -> Iterator[OneBatch]:
    """Parts of a batch with at most `size` samples each, as equal in size as possible.

    Equal parts, since a last one of a single sample is more than batch norm can take.

    Args:
        batch: Has an `index` of shape (B,). Fields whose first axis has B entries are divided, in
            mappings too; all others are handed on as they are. It is left as it is, and its parts
            share its memory.
        size: Most samples of a part; None for the batch itself.
    """
    num_samples = len(batch.index)
    if size is None or size >= num_samples:
        yield batch
        return
    num_parts = -(-num_samples // size)
    for part in range(num_parts):
        start, stop = (num_samples * bound // num_parts for bound in (part, part + 1))
        yield _part(batch, slice(start, stop), num_samples)


def smallest_part(num_samples: int, size: int | None) -> int:
    """Samples of the smallest part of a batch.

    >>> smallest_part(8, 3), smallest_part(3, 2), smallest_part(8, None)
    (2, 1, 8)
    """
    return num_samples // -(-num_samples // (size or num_samples))


def _part(batch: OneBatch, rows: slice, num_samples: int) -> OneBatch:
    part = copy.copy(batch)
    for name, value in vars(batch).items():
        setattr(part, name, _rows(value, rows, num_samples))
    return part


def _rows(value: Any, rows: slice, num_samples: int) -> Any:
    if isinstance(value, torch.Tensor | np.ndarray):
        return value[rows] if value.ndim and len(value) == num_samples else value
    if isinstance(value, list | tuple):
        return value[rows] if len(value) == num_samples else value
    if isinstance(value, Mapping):
        return {name: _rows(entry, rows, num_samples) for name, entry in value.items()}
    return value
