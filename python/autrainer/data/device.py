"""Batches on a device: with CUDA, the next one is copied while the model works on this one."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from time import perf_counter
from typing import Any

import torch

from autrainer.data.buffers import BatchBuffers
from autrainer.data.paths.base import StageTimes

STAGING_BUFFERS = 12
"""Pieces of pinned memory that go round: some fields of two or three batches."""


def prefetch_to_device(
    batches: Iterator[Any], device: torch.device, stages: StageTimes
) -> Iterator[Any]:
    """The same batches on a CUDA device, each copied before the one before it is used up.

    Copies run on a stream of their own, from pinned memory. Memory on either side is used again
    only when the device is done with it.

    Args:
        batches: Batches on the CPU.
        device: A CUDA device.
        stages: Takes the time that goes into pinning and starting copies.
    """
    copier = _Copier(device, stages)
    upcoming: _Copied | None = None
    try:
        for batch in batches:
            copied = copier.start(batch)
            del batch
            if upcoming is not None:
                yield copier.finish(upcoming)
            upcoming = copied
        if upcoming is not None:
            yield copier.finish(upcoming)
    finally:
        copier.wait()


class _Copied:
    """A batch whose copy has been started.

    Args:
        batch: The batch, of tensors on the device.
        source: Tensors that are copied; held until the copy is done.
        event: Comes when the copy is done.
    """

    def __init__(self, batch: Any, source: list[torch.Tensor], event: torch.cuda.Event) -> None:
        self.batch = batch
        self.source = source
        self.event = event

    def is_done(self) -> bool:
        """Whether the copy is done."""
        return bool(self.event.query())  # type: ignore[no-untyped-call]


class _Copier:
    def __init__(self, device: torch.device, stages: StageTimes) -> None:
        self._device = device
        self._stages = stages
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._buffers = BatchBuffers(STAGING_BUFFERS)
        self._in_flight: deque[_Copied] = deque()

    def start(self, batch: Any) -> _Copied:
        """Pin a batch and begin to copy it."""
        since = perf_counter()
        while self._in_flight and self._in_flight[0].is_done():
            self._in_flight.popleft()
        self._pin(batch)
        source = [value for value in _tensors(batch) if not value.is_cuda]
        event: torch.cuda.Event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        with torch.cuda.stream(self._stream):
            moved = move_batch(batch, self._device, non_blocking=True)
            event.record(self._stream)
        copied = _Copied(moved, source, event)
        self._in_flight.append(copied)
        self._stages.mark("transfer", since)
        return copied

    def finish(self, copied: _Copied) -> Any:
        """The batch, for the current stream, which waits for the copy; the CPU does not."""
        current = torch.cuda.current_stream(self._device)
        current.wait_event(copied.event)
        for value in _tensors(copied.batch):
            if value.is_cuda:
                # Made on the other stream, whose next copies must not overwrite it too early.
                value.record_stream(current)
        batch, copied.batch = copied.batch, None
        return batch

    def wait(self) -> None:
        """Until the device has read all pinned memory; then it may be given back."""
        while self._in_flight:
            self._in_flight.popleft().event.synchronize()

    def _pin(self, batch: Any) -> None:
        for name, value in getattr(batch, "__dict__", {}).items():
            if isinstance(value, torch.Tensor) and not value.is_cuda and not value.is_pinned():
                pinned = self._buffers.take(tuple(value.shape), value.dtype, pinned=True)
                setattr(batch, name, pinned.copy_(value))


def _tensors(batch: Any) -> list[torch.Tensor]:
    values = getattr(batch, "__dict__", {}).values()
    return [value for value in values if isinstance(value, torch.Tensor)]


def move_batch(batch: Any, device: torch.device, *, non_blocking: bool) -> Any:
    """A batch on a device; its `to` may work in place or return a new batch.

    Args:
        batch: The batch, of any class that has `to`.
        device: Where to.
        non_blocking: Do not wait for the copy, if its `to` takes that option.
    """
    if non_blocking and _takes_non_blocking(type(batch).to):
        moved = batch.to(device, non_blocking=True)
    else:
        moved = batch.to(device)
    return batch if moved is None else moved


@lru_cache(maxsize=64)
def _takes_non_blocking(to: Callable[..., Any]) -> bool:
    parameters = inspect.signature(to).parameters.values()
    return any(p.kind is p.VAR_KEYWORD or p.name == "non_blocking" for p in parameters)
