"""Memory for batches that is used again as soon as nothing refers to the batch."""

from __future__ import annotations

import math
import os
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

# Where vector instructions and lines of the cache begin.
ALIGNMENT = 64


class BatchBuffers:
    """Tensors for batches, in memory that is taken again once it is free.

    A fresh tensor of some megabytes costs more in page faults than it costs to fill it, so memory
    goes round. It is free when neither the tensor, nor a view of it, nor an array of its elements,
    nor anything that autograd saved is alive: whoever keeps a batch keeps its memory. Nobody has to
    give it back: each time memory is taken, what is handed out gets an owner of its own, and a weak
    reference tells when that is gone. Reference counts are not looked at, so it works the same
    where the interpreter has no GIL.

    For the time in which only raw addresses of a tensor are used (a copy to a device that runs
    asynchronously, for one), somebody has to hold the tensor.

    Args:
        num: Pieces of memory that are kept. Tensors beyond these are as good, and forgotten.
    """

    def __init__(self, num: int) -> None:
        self._num = num
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._kept: list[_Memory] = []

    def __reduce__(self) -> tuple[type[BatchBuffers], tuple[int]]:
        """Another process gets memory of its own."""
        return BatchBuffers, (self._num,)

    def take(
        self, shape: Sequence[int], dtype: torch.dtype | npt.DTypeLike, pinned: bool = False
    ) -> torch.Tensor:
        """A contiguous tensor on the CPU, whose elements are whatever was there before.

        Args:
            shape: Shape of the tensor.
            dtype: Of torch, or of NumPy if torch has it too.
            pinned: Take page-locked memory, which a CUDA device reads by itself.
        """
        if isinstance(dtype, torch.dtype):
            num_bytes = math.prod(shape) * dtype.itemsize
            array = self._array((num_bytes,), np.dtype(np.uint8), num_bytes, pinned)
            return torch.from_numpy(array).view(dtype).reshape(tuple(shape))
        dtype = np.dtype(dtype)
        num_bytes = math.prod(shape) * dtype.itemsize
        return torch.from_numpy(self._array(shape, dtype, num_bytes, pinned))

    def num_bytes(self) -> int:
        """Size of the memory that is kept, whether in use or free."""
        return sum(memory.capacity for memory in self._kept)

    def _array(
        self, shape: Sequence[int], dtype: np.dtype[Any], num_bytes: int, pinned: bool
    ) -> npt.NDArray[Any]:
        if self._process != os.getpid():
            # Forked off, perhaps while another thread held the lock.
            self._begin()
        # No other thread may find the memory free before the array refers to it.
        with self._lock:
            memory = self._free_memory(num_bytes, pinned)
            if memory is not None:
                return memory.array(shape, dtype)
        # Page faults, or calls of CUDA: nobody else has to wait for them.
        memory = _Memory(num_bytes, pinned)
        array = memory.array(shape, dtype)
        with self._lock:
            self._keep(memory)
        return array

    def _free_memory(self, num_bytes: int, pinned: bool) -> _Memory | None:
        """The smallest that is free and large enough."""
        best = None
        for kept in self._kept:
            if kept.capacity < num_bytes or kept.pinned is not pinned or not kept.is_free():
                continue
            if kept.capacity == num_bytes:
                return kept
            if best is None or kept.capacity < best.capacity:
                best = kept
        return best

    def _keep(self, memory: _Memory) -> None:
        if len(self._kept) < self._num:
            self._kept.append(memory)
            return
        for position, kept in enumerate(self._kept):
            if kept.is_free() and (
                kept.pinned is not memory.pinned or kept.capacity < memory.capacity
            ):
                self._kept[position] = memory
                return


class _Owner(np.ndarray[tuple[int, ...], np.dtype[np.uint8]]):
    """An array that arrays made of it keep alive, and not what it is a view of.

    NumPy passes over owners that are views themselves, but not over those of another class.
    """


class _Memory:
    """A piece of memory that tells whether anybody refers to it."""

    __slots__ = ("_allocation", "_owner", "_start", "capacity", "pinned")

    def __init__(self, capacity: int, pinned: bool) -> None:
        self.capacity = capacity
        self.pinned = pinned
        self._allocation = _allocated(capacity + ALIGNMENT, pinned).view(_Owner)
        self._start = -self._allocation.ctypes.data % ALIGNMENT
        self._owner: weakref.ref[_Owner] | None = None

    def array(self, shape: Sequence[int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """An array in this memory. Whatever is made of it keeps its owner alive."""
        owner = self._allocation.view()
        self._owner = weakref.ref(owner)
        array: npt.NDArray[Any] = np.ndarray(shape, dtype, owner, self._start)
        return array

    def is_free(self) -> bool:
        """Whether nothing refers to what was handed out last."""
        return self._owner is None or self._owner() is None


def _allocated(num_bytes: int, pinned: bool) -> npt.NDArray[np.uint8]:
    if not pinned:
        return np.empty(num_bytes, np.uint8)
    locked: npt.NDArray[np.uint8] = torch.empty(
        num_bytes, dtype=torch.uint8, pin_memory=True
    ).numpy()
    return locked
