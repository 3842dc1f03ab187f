"""Features on disk: what never varies about a file is computed once, for all runs that need it.

A folder may be shared by runs, data sets and pipelines. In it there is a folder for each pipeline,
and in that an array for each content of a file; each is written whole or not at all. Both are named
after what they are made of, so nothing is ever out of date. A run that uses a pipeline's folder
holds a lock on it; the folders that nobody uses are removed, the longest unused first, where the
whole takes more than it may.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autrainer.data.native.decode import NativeFormat
from autrainer.data.options import LoaderOptions
from autrainer.data.paths.cache_contents import CONTENTS, contents_of
from autrainer.data.paths.cache_folders import (
    PIPELINE,
    Use,
    make_room,
    remove_arrays,
    remove_files,
    sizes_of,
)
from autrainer.data.paths.prefetch import prefetch
from autrainer.data.split_source import BatchFunction, Files, SplitSource
from autrainer.errors import DataError
from autrainer.features.version import FEATURES_VERSION
from autrainer.runs.locking.folders import alone_in
from autrainer.runs.writing.files import make_folder, remove_leftovers, write_npy, write_text

log = logging.getLogger(__name__)

MOST_THREADS = 8
ATTEMPTS = 3
"""How often files are looked at that change meanwhile."""

PROBED = 32
"""Arrays that tell how large all of them will be."""


@dataclass(frozen=True)
class CachedFiles(Files):
    """Arrays that are made of files.

    Args:
        names: The files.
        lock: Keeps others from removing the arrays while this object lives.
    """

    names: tuple[str, ...] = ()
    lock: Any = None

    def name_of(self, row: int) -> str:
        """The file that an array is made of, for messages."""
        return self.names[row]


def cached(source: SplitSource, files: Files, options: LoaderOptions) -> tuple[SplitSource, str]:
    """A split whose fixed transforms are done, in a cache; or the split itself, and why.

    What is not in the cache yet is computed now, by threads.

    Args:
        source: The split.
        files: Its features.
        options: Where the cache is, and what it may take.

    Raises:
        FileNotFoundError: if a file is not there.
        CorruptFileError: naming a file that is damaged.
        DataError: naming a file that changes again and again.
        OutputError: if the cache cannot be written.
    """
    if options.features_cache is None:
        return source, ""
    text = _pipeline_text(files, source.fixed)
    if text is None:
        return source, "nothing of it can be cached; "
    cache = _Cache(make_folder(Path(options.features_cache)), text, options.features_cache_mb << 20)
    paths = cache.filled(files, source.fixed, options.num_workers or 1)
    if paths is None:
        return source, f"its features take more than {options.features_cache_mb} MiB of the cache; "
    arrays = CachedFiles(
        paths,
        NativeFormat("npy"),
        lambda row: torch.from_numpy(np.load(paths[row])),
        names=tuple(map(str, files.paths)),
        lock=cache.lock,
    )
    return replace(source, features=arrays, fixed=None), f"features come from {cache.folder}; "


def _pipeline_text(files: Files, fixed: BatchFunction | None) -> str | None:
    """What decides over the features of a file; None if nobody knows, or nothing is done to it."""
    functions = [function for function in (files.then, fixed) if function is not None]
    if not functions and files.format.kind == "npy":
        # An array is read as fast as a copy of it.
        return None
    done = [getattr(function, "description", None) for function in functions]
    if None in done:
        return None
    made_by = f"version: {FEATURES_VERSION}\nreads: {files.format!r}\n"
    return f"{made_by}{''.join(map(str, done))}"


class _Cache:
    """The arrays of one pipeline.

    Args:
        root: Folder of all pipelines.
        text: What the pipeline is.
        limit_bytes: What all of them together may take.
    """

    def __init__(self, root: Path, text: str, limit_bytes: int) -> None:
        self._root = root
        self._text = text
        self._limit = limit_bytes
        self.folder = root / hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        self.lock = Use(self.folder)

    def filled(
        self, files: Files, fixed: BatchFunction | None, num_threads: int
    ) -> list[str] | None:
        """Paths of the arrays of some files, made where they are missing; None if too many.

        Args:
            files: The files.
            fixed: Makes an array of what is read.
            num_threads: How many threads do it.

        Raises:
            DataError: naming a file that changes again and again.
        """
        with alone_in(self.folder, "fills the cache"):
            write_text(self.folder / PIPELINE, self._text)
            for _ in range(ATTEMPTS):
                making = _Making(files, fixed, self.folder, self._root / CONTENTS)
                if not self._fits(making, num_threads):
                    # Whatever nobody will use is not in the way of other data sets.
                    remove_files(making.missing)
                    return None
                if making.changed is None:
                    break
            else:
                raise DataError(f"{making.changed} changes while features of it are made")
        make_room(self._root, self.folder, self._limit)
        return making.names

    def _fits(self, making: _Making, num_threads: int) -> bool:
        """Make arrays as long as they fit; those of other data sets make room for them."""
        needed, num_missing = set(making.names), len(making.missing)
        others = {path: size for path, size in making.sizes.items() if path not in needed}
        kept_bytes = sum(making.sizes.values()) - sum(others.values())
        made_bytes = 0
        made = making.made(num_threads)
        with contextlib.closing(made):  # type: ignore[type-var]
            for num_made, size in enumerate(made, 1):
                made_bytes += size
                # Before hours have gone into features that do not fit.
                expected = made_bytes * (num_missing if num_made == PROBED else num_made) / num_made
                if kept_bytes + max(expected, made_bytes) > self._limit:
                    return False
                excess = kept_bytes + made_bytes + sum(others.values()) - self._limit
                if excess > 0:
                    others = self._others_left(others, excess)
                if kept_bytes + made_bytes + sum(others.values()) > self._limit:
                    return False
        return kept_bytes <= self._limit

    def _others_left(self, others: dict[str, int], excess: int) -> dict[str, int]:
        """What is left of others' arrays after room was made, if nobody else uses the pipeline."""
        with self.lock.alone() as is_alone:
            # Some more: the other splits of this data set come next.
            removed = remove_arrays(others, excess + self._limit // 4) if is_alone else ()
        return {path: size for path, size in others.items() if path not in {*removed}}


class _Making:
    """The arrays of some files: those that are there, and making the others.

    Args:
        files: The files.
        fixed: Makes an array of what is read.
        folder: Folder of the pipeline.
        index: Tells what files hold.

    Attributes:
        names: Path of the array of each file.
        sizes: Bytes by path of all arrays in the folder.
        missing: Row of a file by path of the array that is to be made of it.
        changed: A file that has changed since it was looked at: no array was made of it.
    """

    def __init__(
        self, files: Files, fixed: BatchFunction | None, folder: Path, index: Path
    ) -> None:
        self._files = files
        self._fixed = fixed
        self._contents = contents_of(index, [str(path) for path in files.paths])
        digests = [content.digest for content in self._contents]
        self.names = [str(folder / digest[:2] / f"{digest}.npy") for digest in digests]
        self.sizes = sizes_of(folder)
        self.missing = {n: row for row, n in enumerate(self.names) if n not in self.sizes}
        self.changed: str | None = None
        if self.missing:
            remove_leftovers(folder)
            log.info("Computing %d of %d features for %s", len(self.missing), len(digests), folder)

    def made(self, num_threads: int) -> Iterator[int]:
        """Write what is missing; yields the size of each."""
        rows = list(self.missing.values())
        threads = min(max(num_threads, 1), MOST_THREADS)
        return prefetch(
            lambda number: self._make(rows[number]),
            *(0, len(rows)),
            num_threads=threads,
            depth=2 * threads,
            name="cache",
        )

    def _make(self, row: int) -> int:
        files, path, name = self._files, str(self._files.paths[row]), self.names[row]
        rows_of_one = np.array([row], dtype=np.int64)
        features: Any = files.format.decode(path)
        if features is None:
            features = files.load(row)
            if files.then is not None:
                features = files.then([features], rows_of_one)[0]
        if self._fixed is not None:
            features = self._fixed([features], rows_of_one)[0]
        if not self._contents[row].is_of(path):
            # The array is not of what the digest is of.
            self.changed = path
            return 0
        write_npy(name, features.contiguous().numpy())
        return os.path.getsize(name)
