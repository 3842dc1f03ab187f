"""Copies of states in host memory that is used again: taken between two steps, written later.

Fresh memory costs more than the copy itself (page faults), so a copy goes into memory of an earlier
one that has been written meanwhile.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from autrainer.errors import DataError

_IMMUTABLE = frozenset({bool, bytes, complex, float, int, str, type(None)})
"""What a copy may share; states of generators have hundreds of numbers."""


class Staged:
    """A tree whose tensors lie in host memory and stay as they are until `release`.

    Args:
        tree: The copy.
        memory: Its tensors, in order.
        staging: Takes the memory back.
    """

    def __init__(self, tree: Any, memory: list[torch.Tensor], staging: Staging) -> None:
        self.tree = tree
        self._memory = memory
        self._staging = staging
        self._is_released = False

    def release(self) -> None:
        """Give the memory back: the tree must not be read any more. Later calls do nothing."""
        if not self._is_released:
            self._is_released = True
            self.tree = None
            self._staging.take_back(self._memory)

    def __del__(self) -> None:
        # Whoever was to write it may have been given up after an error.
        self.release()


class Staging:
    """Copies trees, at most so many at a time.

    Args:
        num: Copies that may be in use at once; the next one waits until one has been released.
    """

    def __init__(self, num: int = 2) -> None:
        self._num = num
        self._changed = threading.Condition()
        self._num_in_use = 0
        self._free: list[list[torch.Tensor]] = []

    @property
    def is_busy(self) -> bool:
        """Whether `take` would have to wait."""
        return self._num_in_use >= self._num

    def take(self, tree: Any) -> Staged:
        """Copy a tree of containers, tensors and plain values.

        Tensors of any device are copied to the host; those that share their values (tied weights)
        share them in the copy as well. NumPy numbers become Python ones.

        Raises:
            DataError: if a value cannot be copied.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self.is_busy)
            self._num_in_use += 1
            ready = self._free.pop() if self._free else []
        try:
            copier = _Copier(ready)
            copied = copier.copied(tree)
            copier.wait()
        except RecursionError as error:
            self.take_back([])
            raise DataError("the state is nested without end, or too deeply") from error
        except BaseException:
            self.take_back([])
            raise
        return Staged(copied, copier.used, self)

    def take_back(self, memory: list[torch.Tensor]) -> None:
        """Let a later copy use the memory of one that has been released."""
        with self._changed:
            self._num_in_use -= 1
            if memory:
                self._free.append(memory)
            self._changed.notify_all()

    def forget(self) -> None:
        """Give memory that is free back to the system: nothing more will be copied."""
        with self._changed:
            self._free.clear()


class _Copier:
    """Copies a tree into memory that is ready, tensor by tensor in the order of the tree."""

    def __init__(self, ready: list[torch.Tensor]) -> None:
        self._ready = ready
        self.used: list[torch.Tensor] = []
        self._seen: dict[tuple[Any, ...], torch.Tensor] = {}
        self._devices: set[torch.device] = set()

    def copied(self, value: Any) -> Any:
        if type(value) in _IMMUTABLE:
            return value
        if isinstance(value, torch.Tensor):
            return self._tensor(value.detach())
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, Mapping):
            # A shallow copy keeps the kind of mapping and the metadata that modules attach.
            mapping: Any = copy.copy(value)
            for name, entry in value.items():
                mapping[name] = self.copied(entry)
            return mapping
        if type(value) in (list, tuple):
            return type(value)(
                [each if type(each) in _IMMUTABLE else self.copied(each) for each in value]
            )
        try:
            return copy.deepcopy(value)
        except RecursionError:
            raise
        # Whatever a class of the user's does when it is copied.
        except Exception as error:
            raise DataError(f"a {type(value).__name__} cannot be copied: {error}") from error

    def wait(self) -> None:
        """Until copies from other devices have arrived."""
        for device in self._devices:
            torch.accelerator.synchronize(device)

    def _tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        key = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if tensor.numel() and key in self._seen:
            return self._seen[key]
        place = self._place(tensor)
        is_elsewhere = tensor.device.type != "cpu"
        place.copy_(tensor, non_blocking=is_elsewhere)
        if is_elsewhere:
            self._devices.add(tensor.device)
        self._seen[key] = place
        return place

    def _place(self, tensor: torch.Tensor) -> torch.Tensor:
        """Memory for a copy: that of the same place in the last tree if it fits, or fresh."""
        position = len(self.used)
        ready = self._ready[position] if position < len(self._ready) else None
        if ready is None or (ready.shape, ready.dtype) != (tensor.shape, tensor.dtype):
            pinned = tensor.device.type == "cuda"
            ready = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=pinned)
        self.used.append(ready)
        return ready
