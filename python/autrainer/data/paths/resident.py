"""Features that are read once and kept in memory, where they fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autrainer.data.native.collate import gather_rows
from autrainer.data.native.file_reader import Layout
from autrainer.data.native.shuffle import IndexArray
from autrainer.data.paths.base import cast
from autrainer.data.paths.files import FeatureReader, Tag, torch_dtype
from autrainer.data.shape_errors import ShapesDifferError, shapes_differ_error
from autrainer.data.split_source import BatchFunction, Features

SHARE_OF_FREE = 4
"""Features take at most one part in this many of the memory that is free."""

CHUNK_BYTES = 8 << 20
CHUNKS_AHEAD = 4

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")


def resident_limit(resident_mb: int) -> int:
    """Bytes that the features of a split may take in memory."""
    return min(resident_mb << 20, free_bytes() // SHARE_OF_FREE)


def free_bytes() -> int:
    """Memory that can still be had by this process, in bytes."""
    return min(_free_of_machine(), *_free_of_groups())


def _free_of_machine() -> int:
    try:
        for line in MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        # Nobody says; what most machines can spare.
        return 4 << 30


def _free_of_groups() -> Iterator[int]:
    """What each control group that holds this process has left."""
    yield 1 << 62
    try:
        lines = CGROUP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        names = ("memory.max", "memory.current")
        root = CGROUPS
        if controllers == "memory":
            names, root = ("memory.limit_in_bytes", "memory.usage_in_bytes"), CGROUPS / "memory"
        elif controllers:
            continue
        folder = root / path.lstrip("/")
        for group in (folder, *folder.parents):
            free = _free_of_group(group, *names)
            if free is not None:
                yield free
            if group == root:
                break


def _free_of_group(group: Path, limit: str, usage: str) -> int | None:
    try:
        most, used = int((group / limit).read_text()), int((group / usage).read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        # No group of that kind here, or one without a limit ("max").
        return None
    # Pages of files that nobody needs are given up before anything else is refused.
    return max(most - used + int(stat.get("inactive_file", 0)), 0)


class TableReader:
    """Samples that lie in memory, read as those in files are.

    Args:
        table: Features of all samples, shape (N, ...).
        name: Whose samples they are, for messages.
    """

    def __init__(self, table: torch.Tensor, name: str) -> None:
        self.table = table
        self.layout = Layout(tuple(table.shape[1:]), table.numpy().dtype)
        self._name = name

    def describe(self, row: int) -> str:
        """Name of a sample, for messages."""
        return f"sample {row} of {self._name}"

    def read(self, rows: IndexArray, out: torch.Tensor) -> None:
        """Copy samples."""
        gather_rows(self.table, rows, out)

    def prefetch(
        self, jobs: Iterator[tuple[Tag, IndexArray, torch.Tensor]], *, depth: int
    ) -> Iterator[Tag]:
        """Copy samples, job by job; nothing is gained by threads."""
        for tag, rows, out in jobs:
            self.read(rows, out)
            yield tag

    def read_each(self, rows: IndexArray) -> list[torch.Tensor]:
        """Copies of samples."""
        return list(gather_rows(self.table, rows))


class ResidentLoading:
    """Reads all samples of a split into one tensor, transforms that never vary applied.

    Args:
        reader: Reads the samples.
        num_samples: How many there are.
        fixed: Transforms that give the same in every pass; None for none.
        dtype: What features become after them; None for what they are.
        num_workers: Threads that read; 0 reads in line.
    """

    def __init__(
        self,
        reader: FeatureReader | TableReader,
        num_samples: int,
        fixed: BatchFunction | None,
        dtype: torch.dtype | None,
        num_workers: int,
    ) -> None:
        self._reader = reader
        self._num_samples = num_samples
        self._fixed = fixed
        self._dtype = dtype
        self._num_workers = num_workers
        self._table: torch.Tensor | None = None

    def load(self, limit_bytes: int) -> torch.Tensor | None:
        """Features of all samples, shape (N, ...), or None if they take more than the limit.

        Raises:
            ShapesDifferError: if samples differ in shape, after the transforms too.
        """
        try:
            return self._load(limit_bytes, self._even_chunks)
        except ShapesDifferError:
            if self._fixed is None:
                raise
        # They may be of one shape after the transforms.
        return self._load(limit_bytes, self._uneven_chunks)

    def _load(
        self, limit_bytes: int, chunks: Callable[[], Iterator[tuple[IndexArray, Features]]]
    ) -> torch.Tensor | None:
        if self._is_raw:
            layout = self._reader.layout
            if layout.num_bytes * self._num_samples > limit_bytes:
                return None
            self._table = _empty(self._num_samples, layout.shape, layout.dtype)
            for _rows, _samples in chunks():
                pass
            return self._table
        table: torch.Tensor | None = None
        for rows, samples in chunks():
            finished = self._finished(samples, rows)
            if table is None:
                first = finished[0]
                if first.nbytes * self._num_samples > limit_bytes:
                    return None
                table = _empty(self._num_samples, first.shape, first.numpy().dtype)
            self._place(table, rows, finished)
        return table

    @property
    def _is_raw(self) -> bool:
        """Whether samples are kept as they are read."""
        dtype = torch_dtype(self._reader.layout.dtype)
        return self._fixed is None and self._dtype in (None, dtype)

    def _even_chunks(self) -> Iterator[tuple[IndexArray, Features]]:
        """All samples in order, read in pieces."""

        def jobs() -> Iterator[tuple[tuple[IndexArray, torch.Tensor], IndexArray, torch.Tensor]]:
            for rows in self._rows():
                out = self._memory(rows)
                yield (rows, out), rows, out

        if self._num_workers:
            yield from self._reader.prefetch(jobs(), depth=CHUNKS_AHEAD)
            return
        for tag, rows, out in jobs():
            self._reader.read(rows, out)
            yield tag

    def _memory(self, rows: IndexArray) -> torch.Tensor:
        """Where samples are read to: their place, or memory of their own to be transformed."""
        if self._table is not None:
            return self._table[int(rows[0]) : int(rows[-1]) + 1]
        layout = self._reader.layout
        return _empty(len(rows), layout.shape, layout.dtype)

    def _uneven_chunks(self) -> Iterator[tuple[IndexArray, Features]]:
        for rows in self._rows():
            yield rows, self._reader.read_each(rows)

    def _rows(self) -> Iterator[IndexArray]:
        # The first alone tells whether all fit.
        yield np.zeros(1, dtype=np.int64)
        step = max(CHUNK_BYTES // max(self._reader.layout.num_bytes, 1), 1)
        for start in range(1, self._num_samples, step):
            yield np.arange(start, min(start + step, self._num_samples), dtype=np.int64)

    def _finished(self, samples: Features, rows: IndexArray) -> Features:
        if self._fixed is not None:
            samples = self._fixed(samples, rows)
        return samples if self._dtype is None else cast(samples, self._dtype)

    def _place(self, table: torch.Tensor, rows: IndexArray, samples: Features) -> None:
        for row, sample in zip(rows.tolist(), samples, strict=True):
            if sample.shape != table.shape[1:] or sample.dtype != table.dtype:
                raise shapes_differ_error(
                    self._reader.describe(row), sample, self._reader.describe(0), table[0]
                )
            if isinstance(samples, torch.Tensor):
                # Then all are like the first.
                break
        place = table[int(rows[0]) : int(rows[-1]) + 1]
        if isinstance(samples, torch.Tensor):
            place.copy_(samples)
        else:
            torch.stack(samples, out=place)


def _empty(num_samples: int, shape: Sequence[int], dtype: np.dtype[Any]) -> torch.Tensor:
    return torch.from_numpy(np.empty((num_samples, *shape), dtype))
