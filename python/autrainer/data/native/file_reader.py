"""Files decoded by threads of the Rust core, in order, before they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autrainer import _core
from autrainer.data.native.decode import NativeFormat
from autrainer.data.native.shuffle import IndexArray

Outcome = _core.Outcome

DrawArray = npt.NDArray[np.uint64]
"""64 random bits for each row, which tell where a crop begins."""


@dataclass(frozen=True)
class Layout:
    """Shape and dtype of a sample."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def num_bytes(self) -> int:
        """Size of a sample."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


@dataclass(frozen=True)
class AxisPad:
    """How samples are read that are shorter or longer than the memory for them.

    Attributes:
        axis: The axis along which they may be shorter; the memory is then filled up with zeros.
        crop: Whether they may be longer too, so that their end is left out.
        keeps_rest: Whether the rest of the memory stays as it is, instead of zeros.
    """

    axis: int
    crop: bool
    keeps_rest: bool


class FileReader:
    """Files decoded by a pool of threads, in order, ahead of the consumer.

    Batches come back in the order in which they were submitted, whatever the number of threads, and
    hold the same bytes. Threads start with the first batch that is submitted, sleep when nothing is
    left to do, and end with `close` or with the reader. Whoever waits without a time limit decodes
    along. In a forked process, and in one that got the reader by pickle, it begins with nothing
    submitted and threads of its own; arrays that were being read into then stay borrowed there.

    Args:
        paths: The files; their positions are the rows that batches consist of.
        format: Format of them all.
        num_threads: Most threads that decode; 0 decodes when a batch is waited for.
        check_finite: Look for elements that are infinite or not a number.
        pad: Which samples fit that have another length than the memory they are decoded into; None
            for those of the same length only.
    """

    def __init__(
        self,
        paths: Sequence[str],
        format: NativeFormat,
        *,
        num_threads: int,
        check_finite: bool = False,
        pad: AxisPad | None = None,
    ) -> None:
        self.format = format
        self.num_threads = num_threads
        self.check_finite = check_finite
        self.pad = pad
        self._reader = _core.FileReader(
            paths, format, num_threads=num_threads, check_finite=check_finite, pad=pad
        )

    def __len__(self) -> int:
        """Number of files."""
        return len(self._reader)

    def __reduce__(self) -> tuple[Any, ...]:
        """What another process needs to make the same reader."""
        paths = [self.path(row) for row in range(len(self))]
        return _rebuilt, (paths, self.format, self.num_threads, self.check_finite, self.pad)

    def path(self, row: int) -> str:
        """Path of a row."""
        return self._reader.path(row)

    def layouts(self, rows: IndexArray) -> list[Layout | None]:
        """Shapes and dtypes of samples, from the headers of their files, here and now.

        Returns:
            None where the core leaves a file to the handler.

        Raises:
            FileNotFoundError: if a file is not there.
            CorruptFileError: naming a file if its header is not one.
        """
        found = self._reader.layouts(rows)
        return [
            None if layout is None else Layout(layout[0], np.dtype(layout[1])) for layout in found
        ]

    def inspect(self, rows: IndexArray, *, num_threads: int) -> list[tuple[int, str | None]]:
        """Files that are damaged, as far as that can be told without decoding them, here and now.

        Headers have to be sound and files as long as they say; images have to end as images do.

        Args:
            rows: The files.
            num_threads: Most threads that look; mostly they wait for the disk.

        Returns:
            Positions in the rows and what is wrong, in ascending order; None where only decoding
            the file can tell. What only a file handler knows is taken for sound.
        """
        return self._reader.inspect(rows, num_threads)

    def read(
        self, rows: IndexArray, out: npt.NDArray[Any], draws: DrawArray | None = None
    ) -> Outcome:
        """Decode files of one layout here and now.

        Args:
            rows: The files of the batch, shape (B,).
            out: Filled with the samples, shape (B, ...), contiguous. Its dtype and the sizes of its
                other axes are what every file has to have, but for an axis to pad.
            draws: Where the format has a crop: random bits for each file, shape (B,).

        Raises:
            FileNotFoundError: if a file is not there.
            CorruptFileError: naming a file that is truncated or contradicts itself.
            DataError: naming a file with another shape or dtype, and both; a row without a file; or
                if `out` does not fit. Where several files fail, the first of the batch is named.
            InternalError: naming a file if its decoder fails, which is a bug of autrainer.
        """
        return self._reader.read(rows, out, draws)

    def submit(
        self, rows: IndexArray, out: npt.NDArray[Any], draws: DrawArray | None = None
    ) -> None:
        """Have files of one layout decoded ahead; arguments as for `read`.

        Nobody may read or write `out`, which is kept alive, before `wait` has returned this batch
        or `cancel` or `close` have returned. Until then it is borrowed: the extension refuses
        every array that has memory in common with it, another view of it included.

        Raises:
            DataError: if memory of `out` is in use.
        """
        self._reader.submit(rows, out, draws)

    def wait(self, timeout_s: float = 0) -> Outcome:
        """Wait until the oldest batch is complete. Its turn is over, even if it failed.

        Args:
            timeout_s: Longest time to wait in seconds; 0 waits for ever.

        Raises:
            TimeoutError: if it takes longer; the batch can be waited for again.
            DataError: if there is no batch to wait for. Otherwise errors are those of `read`.
        """
        return self._reader.wait(timeout_s)

    def read_each(
        self, rows: IndexArray, draws: DrawArray | None = None
    ) -> tuple[list[npt.NDArray[Any] | None], Outcome]:
        """Arrays of files of any layouts, None for those left to the handler; here and now.

        Arguments and errors are those of `read`.
        """
        return self._reader.read_each(rows, draws)

    def cancel(self) -> None:
        """Forget all batches; afterwards no thread writes to their memory any more."""
        self._reader.cancel()

    def close(self) -> None:
        """Forget all batches and end the threads. A later `submit` starts new ones."""
        self._reader.close()


def _rebuilt(
    paths: Sequence[str],
    format: NativeFormat,
    num_threads: int,
    check_finite: bool,
    pad: AxisPad | None,
) -> FileReader:
    return FileReader(paths, format, num_threads=num_threads, check_finite=check_finite, pad=pad)
