"""Batches of files that are read as they are needed, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import torch

from autrainer.data.items import DataBatch
from autrainer.data.native.shuffle import IndexArray
from autrainer.data.paths.base import Assembler, BatchMemory, LoaderContext, ShapesDifferError
from autrainer.data.paths.feature_reader import FeatureReader, torch_dtype
from autrainer.data.split_source import Features

Tag = tuple[int, IndexArray, torch.Tensor]


class FilesPath:
    """Reads files straight into the memory of batches.

    Without workers that happens in line. With workers, threads of the core read ahead, or, if there
    are transforms or files that only Python reads, threads that each make whole batches.

    Args:
        context: What the paths of a loader share.
        open_reader: Makes a reader of the files; a pass reads by one of its own.
        assemble: Makes the batch of the features.
    """

    name = "files"

    def __init__(
        self,
        context: LoaderContext,
        open_reader: Callable[[], FeatureReader],
        assemble: Assembler,
    ) -> None:
        self._context = context
        self._open_reader = open_reader
        self._assemble = assemble
        reader = open_reader()
        self._idle = [reader]
        self._lock = threading.Lock()
        layout = reader.layout
        self._memory = BatchMemory(layout.shape, layout.dtype, context)
        # Threads of the core prefetch; where Python has a part in it, threads of Python do.
        self._pad = context.options.pad
        self._core_prefetches = (
            reader.is_native and self._pad is None and not assemble.has_transforms
        )
        self._is_uneven = False
        # Whether files may be read straight into memory that is filled up already.
        self._pads_early = (
            self._pad is not None
            and not assemble.has_transforms
            and self._pad.survives(torch_dtype(layout.dtype), assemble.dtype)
        )

    def batches(self, epoch: int, first: int) -> Iterator[DataBatch]:
        """The batches of a pass from one of them on."""
        options = self._context.options
        if options.num_workers and self._core_prefetches:
            return self._context.timed_wait(self._prefetched(epoch, first))
        run = self._context.prefetched if options.num_workers else self._context.in_line
        return run(self._make, epoch, first)

    def close(self) -> None:
        """End the threads that wait for the next pass."""
        with self._lock:
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.close()

    def _prefetched(self, epoch: int, first: int) -> Iterator[DataBatch]:
        options = self._context.options
        reader = self._take_reader()
        jobs = (
            ((number, indices, out), indices, out)
            for number, indices in self._context.order.batches(epoch, first)
            for out in (self._memory.take(len(indices)),)
        )
        done = reader.prefetch(jobs, depth=options.depth, timeout_s=options.timeout)
        try:
            for number, indices, out in done:
                batch = self._assemble(epoch, number, indices, out)
                # Held by whoever has the batch, and by nobody else.
                del out
                yield batch
                del batch
        finally:
            done.close()
            self._give_back(reader)

    def _make(self, epoch: int, number: int, indices: IndexArray) -> DataBatch:
        reader = self._take_reader()
        try:
            features, lengths = self._read(reader, indices)
        finally:
            self._give_back(reader)
        return self._assemble(epoch, number, indices, features, lengths)

    def _read(
        self, reader: FeatureReader, indices: IndexArray
    ) -> tuple[Features, torch.Tensor | None]:
        """Features, and their lengths where they are padded."""
        if self._pad is None:
            return self._read_alike(reader, indices), None
        layouts = reader.layouts(indices) if self._pads_early else None
        if layouts is None:
            # Transforms get samples as they are; what Python reads has its length from there.
            return reader.read_each(indices), None
        shape, lengths = self._pad.measured(layouts, self._assemble.describing(indices))
        out = self._memory.take(len(indices), shape)
        if self._pad.value:
            out.fill_(self._pad.value)
        reader.read(indices, out)
        return out, lengths

    def _read_alike(self, reader: FeatureReader, indices: IndexArray) -> Features:
        if not self._is_uneven:
            out = self._memory.take(len(indices))
            try:
                reader.read(indices, out)
            except ShapesDifferError:
                if not self._assemble.has_transforms:
                    raise
                # From here on; batches of one shape come out the same either way.
                self._is_uneven = True
            else:
                return out
        return reader.read_each(indices)

    def _take_reader(self) -> FeatureReader:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._open_reader()

    def _give_back(self, reader: FeatureReader) -> None:
        with self._lock:
            self._idle.append(reader)
