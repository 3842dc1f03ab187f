"""Rows that arrive batch by batch and are kept in one array, at a cost that does not grow."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt
import torch

from autrainer.errors import DataError

Array = npt.NDArray[Any]

FIRST_ROWS = 1024


class Rows:
    """One array that grows by doubling.

    The first batch decides the shape of a row. The dtype is what concatenating the batches would
    give, and at least that of the constructor. Batches on a CUDA device are copied into pinned
    memory without waiting; `array` waits once for all of them.

    Args:
        name: What the rows are, for errors.
        dtype: dtype of the empty array.

    Attributes:
        passes: How often rows have begun anew.
    """

    def __init__(self, name: str, dtype: torch.dtype) -> None:
        self.name = name
        self._least = dtype
        self._reserved = 0
        self._count = 0
        self.passes = 0
        self.clear()

    def clear(self) -> None:
        """Forget the rows, but make room for as many. Arrays that were handed out stay."""
        self._reserved = max(self._reserved, self._count)
        self._count = 0
        self.passes += 1
        self._capacity = 0
        self._source_dtype: torch.dtype | None = None
        self._buffer = torch.empty(0, dtype=self._least)
        self._view: Array = self._buffer.numpy()
        self._row_shape: tuple[int, ...] = ()
        self._device: torch.device | None = None

    def __len__(self) -> int:
        return self._count

    def reserve(self, num_rows: int) -> None:
        """Make room for this many rows at once, now or as soon as their shape is known."""
        self._reserved = max(self._reserved, num_rows)

    def append(self, rows: torch.Tensor) -> None:
        """Append the rows of a batch.

        Args:
            rows: Shape (B, ...); it may require gradients and be on any device.

        Raises:
            DataError: if its rows have another shape than those before.
        """
        stop = self._count + rows.shape[0]
        if stop > self._capacity or rows.dtype is not self._source_dtype:
            self._prepare(rows, stop)
        if self._device is None:
            values = rows.detach().numpy()
            if values.shape[1:] != self._row_shape:
                self._refuse(rows)
            self._view[self._count : stop] = values
        else:
            if rows.shape[1:] != self._row_shape:
                self._refuse(rows)
            self._buffer[self._count : stop].copy_(rows.detach(), non_blocking=True)
        self._count = stop

    def array(self) -> Array:
        """The rows so far; a view that later batches do not change."""
        self._wait()
        return self._view[: self._count]

    def tensor(self) -> torch.Tensor:
        """The rows so far as a tensor in host memory; a view that later batches do not change."""
        self._wait()
        return self._buffer[: self._count]

    def _prepare(self, rows: torch.Tensor, stop: int) -> None:
        """Make the buffer fit: its kind of memory, its dtype, and its length."""
        is_first = self._source_dtype is None
        if is_first:
            self._row_shape = tuple(rows.shape[1:])
        direct = rows.device.type == "cpu" and rows.dtype is not torch.bfloat16
        if not direct:
            self._device = rows.device
        dtype = torch.promote_types(self._buffer.dtype, rows.dtype)
        if is_first or stop > self._capacity or dtype is not self._buffer.dtype:
            self._grow(stop, dtype, pinned=rows.device.type == "cuda")
        self._source_dtype = rows.dtype

    def _grow(self, stop: int, dtype: torch.dtype, *, pinned: bool) -> None:
        self._wait()
        capacity = max(self._capacity, self._reserved, FIRST_ROWS // self._row_size())
        while capacity < stop:
            capacity = max(stop, 2 * capacity)
        buffer = torch.empty((capacity, *self._row_shape), dtype=dtype, pin_memory=pinned)
        if self._count:
            buffer[: self._count] = self._buffer[: self._count]
        self._buffer, self._view, self._capacity = buffer, buffer.numpy(), capacity

    def _row_size(self) -> int:
        return max(1, math.prod(self._row_shape))

    def _wait(self) -> None:
        if self._device is not None and self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def _refuse(self, rows: torch.Tensor) -> None:
        raise DataError(
            f"{self.name} of shape {tuple(rows.shape)} cannot be kept beside earlier ones: their "
            f"rows have shape {self._row_shape}, these {tuple(rows.shape[1:])}"
        )
