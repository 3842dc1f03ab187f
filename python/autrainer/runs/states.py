"""States of models, optimizers and schedulers as files in torch's format."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from autrainer.runs.files import write_bytes


@runtime_checkable
class Stateful(Protocol):
    """Whatever has a state: a module, an optimizer, a learning-rate scheduler."""

    def state_dict(self) -> Any:
        """The state."""

    def load_state_dict(self, state_dict: Any) -> Any:
        """Take over a state."""


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
