"""How long the samples of a split are, told without reading them where headers tell it."""

from __future__ import annotations

import logging
from typing import Any, Protocol, runtime_checkable

import numpy as np

from autrainer.data.native.file_reader import FileReader
from autrainer.data.native.shuffle import IndexArray
from autrainer.data.split_source import Files
from autrainer.errors import ConfigError, DataError

log = logging.getLogger(__name__)

CHUNK = 4096


@runtime_checkable
class HasLengths(Protocol):
    """A dataset that knows how long its samples are."""

    def lengths(self, axis: int, /) -> Any:
        """Length of each sample along an axis of it, before any transform; None if unknown."""


def lengths_of(dataset: Any, axis: int, name: str) -> IndexArray:
    """Length of each sample of a split along an axis, before any transform.

    Args:
        dataset: The split.
        axis: An axis of a sample.
        name: What the split is called in errors.

    Returns:
        int64, shape (N,).

    Raises:
        ConfigError: if nobody knows.
        DataError: if the dataset gives something else.
    """
    given = dataset.lengths(axis) if isinstance(dataset, HasLengths) else None
    if given is None:
        raise ConfigError(
            f"{name} loader: bucket sorts by the lengths of samples, and "
            f"{type(dataset).__name__} does not know them; give it a method lengths(axis) with a "
            "number for each sample, or remove bucket"
        )
    lengths = np.asarray(given)
    if lengths.shape != (len(dataset),) or lengths.dtype.kind not in "iu":
        raise DataError(
            f"{name} loader: lengths of {type(dataset).__name__} are {lengths.dtype} of shape "
            f"{lengths.shape}; give an integer for each of {len(dataset)} samples"
        )
    return lengths.astype(np.int64)


def lengths_of_files(files: Files, axis: int) -> IndexArray:
    """The same of samples that lie in files: by their headers, else by reading them.

    Args:
        files: The files.
        axis: An axis of a sample.

    Raises:
        FileNotFoundError: if a file is not there.
        CorruptFileError: naming a file whose header is none.
        DataError: naming a sample without such an axis.
    """
    reader = FileReader(files.paths, files.format, num_threads=0)
    lengths = np.empty(len(files.paths), dtype=np.int64)
    num_read = 0
    for start in range(0, len(lengths), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(lengths)))
        for row, layout in zip(rows.tolist(), reader.layouts(rows), strict=True):
            num_read += layout is None
            shape = files.load(row).shape if layout is None else layout.shape
            lengths[row] = size_along(tuple(shape), axis, files.name_of(row))
    if num_read:
        log.info("%d of %d files were read for their lengths", num_read, len(lengths))
    return lengths


def size_along(shape: tuple[int, ...], axis: int, name: str) -> int:
    """Length of a sample along an axis of it.

    Raises:
        DataError: naming the sample, if it has no such axis.
    """
    if not -len(shape) <= axis < len(shape):
        raise DataError(f"{name}: a sample of shape {shape} has no axis {axis} to sort by")
    return int(shape[axis])
