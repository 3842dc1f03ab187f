"""Files that are cut off or contradict themselves, found before training and not in its middle."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from autrainer.data.file_handlers import native_format
from autrainer.data.native.decode import NativeFormat
from autrainer.data.native.file_reader import FileReader
from autrainer.datasets.wrapper import DatasetWrapper
from autrainer.errors import AutrainerError, ConfigError, CorruptFileError, InternalError

log = logging.getLogger(__name__)

CHECK_FILES = 100_000
"""Files of a split up to which all headers are read: a second or two where the disk is cold."""

NUM_THREADS = 16
"""They wait for the disk, so there may be more than cores."""

NUM_DECODED = 64
"""Files that are decoded because only that can tell."""


def check_limit(check_files: Any) -> int:
    """The number of files up to which headers are read.

    Raises:
        ConfigError: if it is no number of files.
    """
    is_integer = isinstance(check_files, int) and not isinstance(check_files, bool)
    if not is_integer or check_files < 0:
        raise ConfigError(
            f"dataset.check_files is {check_files!r}; use a number of files, 0 to read no headers"
        )
    limit: int = check_files
    return limit


def damaged_files(split: DatasetWrapper, limit: int, missing: Collection[str]) -> list[str]:
    """What is wrong with the files of a split, as far as their headers and lengths tell.

    Args:
        split: The samples.
        limit: Splits of more files are not looked at.
        missing: Files that are not there.

    Returns:
        A sentence for each, in order, which names it. Empty where only a file handler of the user's
        own knows the format.
    """
    format = native_format(split.file_handler)
    paths = {path: row for row, path in enumerate(split.paths)}
    if format is None or len(paths) > limit:
        if format is not None and limit:
            log.info(
                "%d files of %s are not looked into (dataset.check_files is %d)",
                len(paths),
                split.listing,
                limit,
            )
        return []
    there = [path for path in paths if path not in missing]
    return list(_damaged(there, format, split, paths))


def _damaged(
    paths: list[str], format: NativeFormat, split: DatasetWrapper, rows: dict[str, int]
) -> Iterator[str]:
    reader = FileReader(paths, format, num_threads=0)
    num_decoded = 0
    for position, problem in reader.inspect(np.arange(len(paths)), num_threads=NUM_THREADS):
        path = paths[position]
        if problem is None and num_decoded < NUM_DECODED:
            num_decoded += 1
            problem = _problem_of(split, rows[path])
        if problem is not None:
            yield problem


def _problem_of(split: DatasetWrapper, row: int) -> str | None:
    try:
        split.load_features(row)
    except CorruptFileError as error:
        return str(error)
    except InternalError:
        raise
    except (AutrainerError, OSError):
        # Another problem than damage; whoever needs the file tells it.
        return None
    return None
