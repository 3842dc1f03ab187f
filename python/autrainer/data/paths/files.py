"""Batches of files that are read as they are needed, in bounded memory.

The core reads them, and Python where a file is of a kind that the core does not know.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from autrainer.data.items import DataBatch
from autrainer.data.native.file_reader import AxisPad, DrawArray, FileReader, Layout, Outcome
from autrainer.data.native.shuffle import IndexArray
from autrainer.data.nonfinite import FiniteCheck
from autrainer.data.padding import Pad
from autrainer.data.paths.base import Assembler, BatchMemory, LoaderContext, StageTimes
from autrainer.data.paths.prefetch import timeout_error
from autrainer.data.shape_errors import ShapesDifferError, shapes_differ_error
from autrainer.data.split_source import Features, Files
from autrainer.errors import CorruptFileError, DataError
from autrainer.runs.random.keys import keyed

Array = npt.NDArray[Any]
Tag = TypeVar("Tag")


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
            and self._pad.commutes_with_cast(torch_dtype(layout.dtype), assemble.dtype)
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
        done = reader.prefetch(jobs, depth=options.depth, timeout_s=options.timeout, epoch=epoch)
        try:
            for number, indices, out in done:
                batch = self._assemble(epoch, number, indices, out)
                # Only the batch may hold its memory: it is taken again once the batch is gone.
                del out
                yield batch
                del batch
        finally:
            done.close()
            self._give_back(reader)

    def _make(self, epoch: int, number: int, indices: IndexArray) -> DataBatch:
        reader = self._take_reader()
        try:
            features, lengths = self._read(reader, epoch, indices)
        finally:
            self._give_back(reader)
        return self._assemble(epoch, number, indices, features, lengths)

    def _read(
        self, reader: FeatureReader, epoch: int, indices: IndexArray
    ) -> tuple[Features, torch.Tensor | None]:
        """Features, and their lengths where they are padded."""
        if self._pad is None:
            return self._read_alike(reader, epoch, indices), None
        layouts = reader.layouts(indices) if self._pads_early else None
        if layouts is None:
            # Transforms get samples as they are; what Python reads has its length from there.
            return reader.read_each(indices, epoch), None
        shape, lengths = self._pad.measured(layouts, self._assemble.describing(indices))
        out = self._memory.take(len(indices), shape)
        if self._pad.value:
            out.fill_(self._pad.value)
        reader.read(indices, out, epoch)
        return out, lengths

    def _read_alike(self, reader: FeatureReader, epoch: int, indices: IndexArray) -> Features:
        if not self._is_uneven:
            out = self._memory.take(len(indices))
            try:
                reader.read(indices, out, epoch)
            except ShapesDifferError:
                if not self._assemble.has_transforms:
                    raise
                # From here on; batches of one shape come out the same either way.
                self._is_uneven = True
            else:
                return out
        return reader.read_each(indices, epoch)

    def _take_reader(self) -> FeatureReader:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._open_reader()

    def _give_back(self, reader: FeatureReader) -> None:
        with self._lock:
            self._idle.append(reader)


class FeatureReader:
    """Reads the features of samples, each from its file.

    Args:
        files: Where they lie.
        check: Looks at what is read.
        stages: Takes the time that reading takes.
        seed: Of the loader, for what is drawn of samples.
        num_threads: Threads that read ahead; they start when something is read ahead.
        pad: Which samples `read` takes that are shorter or longer than the memory for them.
    """

    def __init__(
        self,
        files: Files,
        check: FiniteCheck,
        stages: StageTimes,
        *,
        num_threads: int,
        pad: Pad | None = None,
        seed: int = 0,
    ) -> None:
        self._files = files
        self._seed = seed
        self._check = check
        self._stages = stages
        self._pad = pad
        self._reader = FileReader(
            files.paths,
            files.format,
            num_threads=num_threads,
            check_finite=check.policy != "ignore",
            pad=None if pad is None else AxisPad(pad.axis, pad.crop, keeps_rest=pad.value != 0),
        )

    @cached_property
    def layout(self) -> Layout:
        """Shape and dtype of the first sample, which all others should have."""
        layout = self._first
        if layout is None:
            first = self._read_in_python(0, 0)
            return Layout(tuple(first.shape), first.numpy().dtype)
        return layout

    @property
    def is_native(self) -> bool:
        """Whether the core knows files like the first one."""
        return self._first is not None

    def layouts(self, rows: IndexArray) -> list[Layout] | None:
        """Shapes and dtypes of samples; None if the core leaves one of them to Python."""
        layouts = [layout for layout in self._reader.layouts(rows) if layout is not None]
        return layouts if len(layouts) == len(rows) else None

    @cached_property
    def _first(self) -> Layout | None:
        return self._reader.layouts(np.zeros(1, dtype=np.int64))[0]

    def describe(self, row: int) -> str:
        """Name of a sample, for messages."""
        return self._files.name_of(row)

    def read(self, rows: IndexArray, out: torch.Tensor, epoch: int = 0) -> None:
        """Read samples that have the layout of the first one into memory, in this thread.

        Args:
            rows: The samples.
            out: The memory, shape (B, ...).
            epoch: The pass; what is drawn of samples depends on it.

        Raises:
            ShapesDifferError: naming a sample that has another one and is not padded to it.
        """
        array = out.numpy()
        try:
            outcome = self._reader.read(rows, array, self._draws(epoch, rows))
        except DataError as error:
            raise self._naming_both_files(error, rows) from error
        self._complete(rows, array, outcome, epoch)

    def prefetch(
        self,
        jobs: Iterator[tuple[Tag, IndexArray, torch.Tensor]],
        *,
        depth: int,
        timeout_s: float = 0,
        epoch: int = 0,
    ) -> Generator[Tag, None, None]:
        """Read samples as `read` does, by the threads, and give each tag when its job is done.

        Args:
            jobs: A tag, rows, and the memory for them.
            depth: How many jobs may be under way or done, at least 1.
            timeout_s: How long to wait for one of them; 0 waits for ever.
            epoch: The pass.
        """
        under_way: deque[tuple[Tag, IndexArray, torch.Tensor]] = deque()

        def submit() -> None:
            while len(under_way) < depth and (job := next(jobs, None)) is not None:
                draws = self._draws(epoch, job[1])
                self._reader.submit(job[1], job[2].numpy(), draws)
                under_way.append(job)

        try:
            submit()
            while under_way:
                tag, rows, out = under_way.popleft()
                try:
                    outcome = self._reader.wait(timeout_s)
                except TimeoutError as error:
                    raise timeout_error(f"{self._check.name} loader", timeout_s) from error
                except DataError as error:
                    raise self._naming_both_files(error, rows) from error
                self._complete(rows, out.numpy(), outcome, epoch)
                del out
                submit()
                yield tag
        finally:
            self._reader.cancel()

    def read_each(self, rows: IndexArray, epoch: int = 0) -> list[torch.Tensor]:
        """Read samples of any layout, in this thread; arguments as for `read`."""
        arrays, outcome = self._reader.read_each(rows, self._draws(epoch, rows))
        samples = [None if array is None else torch.from_numpy(array) for array in arrays]
        for position in outcome.unsupported:
            samples[position] = self._read_in_python(int(rows[position]), epoch)
        self._report(rows, outcome)
        return samples  # type: ignore[return-value]  # all there are now

    def close(self) -> None:
        """End the threads."""
        self._reader.close()

    def _draws(self, epoch: int, rows: IndexArray) -> DrawArray | None:
        draws = self._files.draws
        return None if draws is None else draws(self._seed, epoch, rows)

    def _complete(self, rows: IndexArray, out: Array, outcome: Outcome, epoch: int) -> None:
        """Read what the core did not know, and report what is not finite."""
        for position in outcome.unsupported:
            row = int(rows[position])
            sample = self._read_in_python(row, epoch).numpy()
            if sample.shape != out.shape[1:] or sample.dtype != out.dtype:
                raise shapes_differ_error(
                    self.describe(row), sample, self.describe(0), self.layout
                ) from None
            out[position] = sample
        self._report(rows, outcome)

    def _report(self, rows: IndexArray, outcome: Outcome) -> None:
        self._stages.add("read", outcome.busy_s)
        for position in outcome.nonfinite:
            self._check.report(self.describe(int(rows[position])))

    def _is_alike(self, found: Layout) -> bool:
        return found == self.layout if self._pad is None else self._pad.fits(found, self.layout)

    def _read_in_python(self, row: int, epoch: int) -> torch.Tensor:
        features = self._files.load(row)
        if not isinstance(features, (torch.Tensor, np.ndarray)):
            raise DataError(
                f"{self.describe(row)}: expected an array, found a {type(features).__name__}"
            )
        sample = torch.as_tensor(features)
        self._check.inspect(sample[None], lambda _position: self.describe(row))
        if self._files.then is not None:
            with keyed(self._seed, epoch, row):
                sample = self._files.then([sample], np.array([row]))[0]
        return sample.contiguous()

    def _naming_both_files(self, error: DataError, rows: IndexArray) -> DataError:
        """The error of the core, or one that names both files if it is that two differ."""
        if isinstance(error, CorruptFileError):
            return error
        for position, row in enumerate(rows.tolist()):
            (found,) = self._reader.layouts(rows[position : position + 1])
            if found is not None and not self._is_alike(found):
                return shapes_differ_error(self.describe(row), found, self.describe(0), self.layout)
        return error


def torch_dtype(dtype: np.dtype[Any]) -> torch.dtype:
    """The type of tensors that share memory with arrays of a type."""
    return torch.from_numpy(np.empty(0, dtype)).dtype
