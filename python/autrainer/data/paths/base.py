"""What the ways to make batches have in common: order, features to batches, threads or none."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch

from autrainer.data.buffers import BatchBuffers
from autrainer.data.items import DataBatch
from autrainer.data.native.collate import gather_rows
from autrainer.data.native.shuffle import IndexArray
from autrainer.data.nonfinite import FiniteCheck
from autrainer.data.options import LoaderOptions
from autrainer.data.padding import Pad, PaddedBatch
from autrainer.data.paths.prefetch import prefetch
from autrainer.data.samplers.batch_order import BatchOrder
from autrainer.data.shape_errors import check_same_shape
from autrainer.data.split_source import BatchFunction, Features
from autrainer.runs.random.keys import keyed_batch

REUSED_BYTES = 1 << 18
"""Size of a batch below which fresh memory costs less than looking for memory that is free."""


class BatchPath(Protocol):
    """One way to make the batches of a split."""

    name: str

    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """The batches of a pass from one of them on."""

    def close(self) -> None:
        """End processes and threads that wait for the next pass."""


class StageTimes:
    """Where a loader spends its time: seconds per stage, summed over all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}

    def mark(self, stage: str, since: float) -> float:
        """Add the time from a moment until now to a stage; returns now."""
        now = perf_counter()
        self.add(stage, now - since)
        return now

    def add(self, stage: str, seconds: float) -> None:
        """Add some seconds to a stage."""
        with self._lock:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds

    def seconds(self) -> dict[str, float]:
        """Seconds so far by stage."""
        with self._lock:
            return dict(self._seconds)

    def __getstate__(self) -> dict[str, float]:
        return self.seconds()

    def __setstate__(self, seconds: dict[str, float]) -> None:
        self._lock = threading.Lock()
        self._seconds = seconds


@dataclass
class LoaderContext:
    """What a loader and the path that makes its batches share.

    Args:
        options: Options of the loader.
        order: Which samples each batch consists of.
        check: Looks at raw features.
        stages: Where the time goes.
        change: Changes whole batches, under their keys; None for nothing.
        is_for_cuda: Batches are copied to a CUDA device next, which reads pinned memory by itself.
    """

    options: LoaderOptions
    order: BatchOrder
    check: FiniteCheck
    stages: StageTimes = field(default_factory=StageTimes)
    change: Callable[[DataBatch], DataBatch] | None = None
    is_for_cuda: bool = False

    @property
    def pins(self) -> bool:
        """Whether batches go into page-locked memory."""
        return self.is_for_cuda or self._pins_by_option

    @cached_property
    def _pins_by_option(self) -> bool:
        # Asked once, and not for every batch: it asks CUDA.
        return self.options.pins

    def in_line(
        self, make: Callable[[int, int, IndexArray], Any], epoch: int, first: int
    ) -> Iterator[Any]:
        """What a function makes of (epoch, number of the batch, indices), when it is asked for."""
        since = perf_counter()
        for number, indices in self.order.batches(epoch, first):
            self.stages.mark("order", since)
            yield make(epoch, number, indices)
            since = perf_counter()

    def prefetched(
        self, make: Callable[[int, int, IndexArray], Any], epoch: int, first: int
    ) -> Iterator[Any]:
        """The same, made ahead by as many threads as the loader has workers."""
        order, options = self.order, self.options

        def make_number(number: int) -> Any:
            return make(epoch, number, order.batch(epoch, number))

        batches = prefetch(
            make_number,
            first,
            order.num_shared,
            num_threads=options.num_workers,
            depth=options.depth,
            timeout_s=options.timeout,
            name=f"{options.name} loader",
        )
        return self.timed_wait(batches)

    def timed_wait(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The same batches; the time until each is there counts as waiting."""
        since = perf_counter()
        for batch in batches:
            self.stages.mark("wait", since)
            yield batch
            since = perf_counter()


class Assembler:
    """Features of a batch to the batch: transforms, targets, padding, pinned memory.

    Args:
        context: What the paths of a loader share.
        targets: Encoded targets of the split.
        functions: They apply transforms, in this order.
        dtype: What features become in the end; None for what they are.
        describe: Names a sample of the split.
    """

    def __init__(
        self,
        context: LoaderContext,
        targets: torch.Tensor,
        functions: tuple[BatchFunction, ...],
        dtype: torch.dtype | None,
        describe: Callable[[int], str],
    ) -> None:
        self._seed = context.options.seed
        self._pad: Pad | None = context.options.pad
        self._context = context
        self._targets = targets
        self._functions = functions
        self.dtype = dtype
        self._describe = describe

    @property
    def is_plain(self) -> bool:
        """Whether features go into the batch as they are."""
        changes = bool(self._functions) or self._context.change is not None
        return not changes and self._pad is None and self.dtype is None

    @property
    def has_transforms(self) -> bool:
        """Whether features are changed in more than their dtype; that may even them out."""
        return bool(self._functions)

    def __call__(
        self,
        epoch: int,
        number: int,
        indices: IndexArray,
        features: Features,
        lengths: torch.Tensor | None = None,
    ) -> DataBatch:
        """The batch; lengths are given where features are padded already.

        Raises:
            DataError: naming two samples that differ in shape.
        """
        since = perf_counter()
        if self._functions:
            with keyed_batch(self._seed, epoch, number):
                for function in self._functions:
                    features = function(features, indices)
        if self.dtype is not None:
            features = cast(features, self.dtype)
        since = self._context.stages.mark("transform", since)
        batch = self._batch(features, indices, lengths)
        if self._context.change is not None:
            with keyed_batch(self._seed, epoch, number):
                batch = self._context.change(batch)
        if self._context.pins and not batch.features.is_pinned():
            batch = batch.pin_memory()
        self._context.stages.mark("collate", since)
        return batch

    def _batch(
        self, features: Features, indices: IndexArray, lengths: torch.Tensor | None
    ) -> DataBatch:
        # A view of a chunk of indices, of a part that no other batch has.
        index = torch.from_numpy(indices)
        target = gather_rows(self._targets, indices)
        if self._pad is not None and lengths is None:
            features, lengths = self._pad(list(features), self.describing(indices))
        if not isinstance(features, torch.Tensor):
            features = self._stacked(features, indices)
        if lengths is not None:
            return PaddedBatch(features, target, index, lengths)
        return DataBatch(features, target, index)

    def _stacked(self, features: list[torch.Tensor], indices: IndexArray) -> torch.Tensor:
        check_same_shape(features, self.describing(indices))
        return torch.stack(features)

    def describing(self, indices: IndexArray) -> Callable[[int], str]:
        """Names the sample at a position of a batch."""
        return lambda position: self._describe(int(indices[position]))


def cast(features: Features, dtype: torch.dtype) -> Features:
    """Features of another dtype."""
    if isinstance(features, torch.Tensor):
        return features.to(dtype)
    return [sample.to(dtype) for sample in features]


class BatchMemory:
    """Memory for the features of batches.

    Args:
        shape: Shape of a sample.
        dtype: Of the features.
        context: What the paths of a loader share.
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], context: LoaderContext
    ) -> None:
        self._shape = shape
        self._dtype = dtype
        self._context = context
        # Fresh memory of some size costs page faults; finding memory that is free costs less then.
        sample_bytes = math.prod(shape) * dtype.itemsize
        self._is_large = sample_bytes * context.options.batch_size >= REUSED_BYTES
        # Those under way, the one the model has, the one it had before.
        self._buffers = BatchBuffers(context.options.depth + 2)

    def take(self, num_samples: int, sample_shape: tuple[int, ...] | None = None) -> torch.Tensor:
        """A tensor for some samples, whatever is in it; None for the shape of a sample."""
        shape = (num_samples, *(self._shape if sample_shape is None else sample_shape))
        pinned = self._context.pins
        if self._is_large or pinned:
            return self._buffers.take(shape, self._dtype, pinned)
        # For a small batch, an empty tensor made by torch costs more than all the rest.
        return torch.from_numpy(np.empty(shape, self._dtype))
