"""Batches of a split that lies in memory: rows are copied out of it."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import torch

from autrainer.data.items import DataBatch
from autrainer.data.native.collate import gather_rows
from autrainer.data.native.shuffle import IndexArray
from autrainer.data.paths.base import Assembler, BatchMemory, LoaderContext


class ArraysPath:
    """Gathers rows; only what is left to do after that may be done by threads.

    Args:
        context: What the paths of a loader share.
        features: Shape (N, ...), contiguous.
        targets: Encoded, shape (N,) or (N, T), contiguous.
        assemble: Makes the batch of the rows.
    """

    name = "arrays"

    def __init__(
        self,
        context: LoaderContext,
        features: torch.Tensor,
        targets: torch.Tensor,
        assemble: Assembler,
    ) -> None:
        self._context = context
        self._features = features
        self._targets = targets
        self._assemble = assemble
        self._memory = BatchMemory(tuple(features.shape[1:]), features.numpy().dtype, context)

    def batches(self, epoch: int, first: int) -> Iterator[DataBatch]:
        """The batches of a pass from one of them on."""
        if self._assemble.is_plain:
            return self._gathered(epoch, first)
        if self._context.options.num_workers:
            return self._context.prefetched(self._make, epoch, first)
        return self._context.in_line(self._make, epoch, first)

    def close(self) -> None:
        """Nothing waits for the next pass."""

    def _gathered(self, epoch: int, first: int) -> Iterator[DataBatch]:
        """For small tables, where each microsecond a batch shows in the training."""
        features, targets, take = self._features, self._targets, self._memory.take
        mark, pins = self._context.stages.mark, self._context.pins
        since = perf_counter()
        for _number, indices in self._context.order.batches(epoch, first):
            since = mark("order", since)
            batch = DataBatch(
                gather_rows(features, indices, take(len(indices))),
                gather_rows(targets, indices),
                torch.from_numpy(indices),
            )
            if pins:
                batch.target = batch.target.pin_memory()
            mark("read", since)
            yield batch
            del batch
            since = perf_counter()

    def _make(self, epoch: int, number: int, indices: IndexArray) -> DataBatch:
        since = perf_counter()
        features = gather_rows(self._features, indices, self._memory.take(len(indices)))
        self._context.stages.mark("read", since)
        return self._assemble(epoch, number, indices, features)
