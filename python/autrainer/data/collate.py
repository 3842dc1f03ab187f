"""Batches from samples: fields of a list of items, rows of a resident tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from autrainer import _core
from autrainer.errors import DataError


def collate_fields(items: Sequence[Any]) -> dict[str, torch.Tensor]:
    """First version."""
    if not items:
        raise DataError("a batch needs at least one sample, found none")
    first = items[0] if isinstance(items[0], Mapping) else vars(items[0])
    fields = {}
    for name, value in first.items():
        values = [(item if isinstance(item, Mapping) else vars(item))[name] for item in items]
        if isinstance(value, torch.Tensor):
            fields[name] = torch.stack(values)
        elif isinstance(value, np.ndarray):
            fields[name] = torch.from_numpy(np.stack(values))
        else:
            fields[name] = torch.tensor(values)
    return fields


def gather_rows(
    source: torch.Tensor, indices: npt.NDArray[np.int64], out: torch.Tensor | None = None
) -> torch.Tensor:
    """Rows of a tensor, in the order of indices."""
    if out is None:
        out = source.new_empty((len(indices), *source.shape[1:]))
    _core.gather(source.numpy(), indices, out.numpy())
    return out
