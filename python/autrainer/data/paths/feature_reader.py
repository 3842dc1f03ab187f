"""Features of files: read by the core, and by Python where a file is of a kind it does not know."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from autrainer.data.native.file_reader import AxisPad, FileReader, Layout, Outcome
from autrainer.data.native.shuffle import IndexArray
from autrainer.data.nonfinite import FiniteCheck
from autrainer.data.padding import Pad
from autrainer.data.paths.base import shapes_differ_error
from autrainer.data.paths.prefetch import timeout_error
from autrainer.data.split_source import Files
from autrainer.data.stage_times import StageTimes
from autrainer.errors import CorruptFileError, DataError

Array = npt.NDArray[Any]
Tag = TypeVar("Tag")


class FeatureReader:
    """Reads the features of samples, each from its file.

    Args:
        files: Where they lie.
        check: Looks at what is read.
        stages: Takes the time that reading takes.
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
    ) -> None:
        self._files = files
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
            first = self._read_in_python(0)
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

    def read(self, rows: IndexArray, out: torch.Tensor) -> None:
        """Read samples that have the layout of the first one into memory, in this thread.

        Raises:
            ShapesDifferError: naming a sample that has another one and is not padded to it.
        """
        array = out.numpy()
        try:
            outcome = self._reader.read(rows, array)
        except DataError as error:
            raise self._naming_both_files(error, rows) from error
        self._complete(rows, array, outcome)

    def prefetch(
        self,
        jobs: Iterator[tuple[Tag, IndexArray, torch.Tensor]],
        *,
        depth: int,
        timeout_s: float = 0,
    ) -> Generator[Tag, None, None]:
        """Read samples as `read` does, by the threads, and give each tag when its job is done.

        Args:
            jobs: A tag, rows, and the memory for them.
            depth: How many jobs may be under way or done, at least 1.
            timeout_s: How long to wait for one of them; 0 waits for ever.
        """
        under_way: deque[tuple[Tag, IndexArray, torch.Tensor]] = deque()

        def submit() -> None:
            while len(under_way) < depth and (job := next(jobs, None)) is not None:
                self._reader.submit(job[1], job[2].numpy())
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
                self._complete(rows, out.numpy(), outcome)
                del out
                submit()
                yield tag
        finally:
            self._reader.cancel()

    def read_each(self, rows: IndexArray) -> list[torch.Tensor]:
        """Read samples of any layout, in this thread."""
        arrays, outcome = self._reader.read_each(rows)
        samples = [None if array is None else torch.from_numpy(array) for array in arrays]
        for position in outcome.unsupported:
            samples[position] = self._read_in_python(int(rows[position]))
        self._report(rows, outcome)
        return samples  # type: ignore[return-value]  # all there are now

    def close(self) -> None:
        """End the threads."""
        self._reader.close()

    def _complete(self, rows: IndexArray, out: Array, outcome: Outcome) -> None:
        """Read what the core did not know, and tell what is not finite."""
        for position in outcome.unsupported:
            row = int(rows[position])
            sample = self._read_in_python(row).numpy()
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

    def _read_in_python(self, row: int) -> torch.Tensor:
        features = self._files.load(row)
        if not isinstance(features, (torch.Tensor, np.ndarray)):
            raise DataError(
                f"{self.describe(row)}: expected an array, found a {type(features).__name__}"
            )
        sample = torch.as_tensor(features)
        self._check.inspect(sample[None], lambda _position: self.describe(row))
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
