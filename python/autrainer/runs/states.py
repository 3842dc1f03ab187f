"""States of models, optimizers and schedulers as files: a copy is taken now, written later."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from autrainer.runs.files import write_bytes


@runtime_checkable
class Stateful(Protocol):
    """Whatever has a state: a module, an optimizer, a learning-rate scheduler."""

    def state_dict(self) -> Any:
        """The state."""

    def load_state_dict(self, state_dict: Any) -> Any:
        """Take over a state."""


def snapshot(value: Any) -> Any:
    """A copy of a state in host memory that later training leaves alone.

    Tensors that share their values (tied weights) share them in the copy as well. NumPy numbers
    become Python ones, so that the file can be read without executing anything.
    """
    return _copied(value, {})


def state_bytes(state: Any) -> bytes:
    """A state in torch's file format; the same state gives the same bytes."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def write_state(state: Any, *paths: Path) -> None:
    """Write a state to each of some paths, whole or not at all."""
    data = state_bytes(state)
    for path in paths:
        write_bytes(path, data)


def _copied(value: Any, seen: dict[tuple[Any, ...], torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        key = (value.device, value.data_ptr(), value.shape, value.stride(), value.dtype)
        if value.numel() == 0 or key not in seen:
            seen[key] = value.detach().to("cpu", copy=True)
        return seen[key]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        # A shallow copy keeps the kind of mapping and the metadata that modules attach to theirs.
        mapping: Any = copy.copy(value)
        for name, entry in value.items():
            mapping[name] = _copied(entry, seen)
        return mapping
    if type(value) in (list, tuple):
        return type(value)(_copied(entry, seen) for entry in value)
    return copy.deepcopy(value)
