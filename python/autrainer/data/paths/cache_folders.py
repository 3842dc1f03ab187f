"""The folders of a cache of features: who uses one, what they take, and which are removed.

Two locks guard the folder of a pipeline. Whoever fills it, or takes something away, holds the lock
of the folder (`alone_in`). Whoever reads its arrays shares the lock of a file in it. That one is
taken for oneself only by who has the other one, so nothing is removed that somebody reads, and
nobody begins to read what is being removed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from autrainer.runs.locking import flocks
from autrainer.runs.writing.files import make_folder
from autrainer.runs.writing.opening import NEW_FILE_MODE

log = logging.getLogger(__name__)

PIPELINE = "pipeline.yaml"
"""What the arrays of a folder are made by; its time tells when the folder was used last."""

USERS = ".users"
REMOVED = ".removed-"


class Use:
    """A lock that many may hold: whoever uses a folder keeps others from removing it.

    Args:
        folder: The folder; it is made.
    """

    def __init__(self, folder: Path) -> None:
        while True:
            self._file = _opened(folder)
            flocks.share(self._file)
            # Whoever removed the folder while this waited has removed the file too.
            if _is_at(self._file, folder / USERS):
                return
            os.close(self._file)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep others from beginning to use the folder; tells whether nobody else uses it.

        Only for who holds the lock of the folder: the lock of its users is given away for a moment.
        """
        try:
            yield flocks.take(self._file, until=float("-inf"))
        finally:
            flocks.share(self._file)

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.close(self._file)


def sizes_of(folder: Path) -> dict[str, int]:
    """Bytes of all arrays in a folder, by their paths; others may be removing it."""
    found: dict[str, int] = {}
    for part in _entries(folder):
        if part.is_dir(follow_symlinks=False):
            for entry in _entries(part.path):
                if entry.name.endswith(".npy"):
                    with contextlib.suppress(FileNotFoundError):
                        found[entry.path] = entry.stat().st_size
    return found


def remove_arrays(sizes: Mapping[str, int], num_bytes: int) -> list[str]:
    """Remove arrays, the oldest first, until so many bytes are free.

    Args:
        sizes: Bytes by path of what may be removed.
        num_bytes: What has to become free.

    Returns:
        What has been removed.
    """
    removed = []
    for path in sorted(sizes, key=_time_ns):
        if num_bytes <= 0:
            break
        num_bytes -= sizes[path]
        removed.append(path)
    remove_files(removed)
    return removed


def remove_files(paths: Iterable[str]) -> None:
    """Remove files that are there."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def make_room(root: Path, used: Path, limit_bytes: int) -> None:
    """Remove the folders that nobody uses, the longest unused first, until the rest fits.

    Args:
        root: Folder of all pipelines.
        used: The folder that stays.
        limit_bytes: What all of them may take.
    """
    folders = [Path(entry.path) for entry in _entries(root)]
    for folder in folders:
        if folder.name.startswith(REMOVED):
            # Of a process that was killed while it removed it.
            shutil.rmtree(folder, ignore_errors=True)
    pipelines = [folder for folder in folders if (folder / PIPELINE).is_file()]
    sizes = {folder: sum(sizes_of(folder).values()) for folder in pipelines}
    for folder in sorted(sizes, key=lambda folder: _time_ns(folder / PIPELINE)):
        if sum(sizes.values()) <= limit_bytes:
            return
        if folder != used and remove_unused(folder):
            sizes[folder] = 0


def remove_unused(folder: Path) -> bool:
    """Remove a folder of arrays, unless somebody uses it; tells whether it is gone."""
    with contextlib.ExitStack() as opened:
        files = []
        for path, flags in ((folder, os.O_RDONLY), (folder / USERS, os.O_RDWR | os.O_CREAT)):
            try:
                files.append(os.open(path, flags, NEW_FILE_MODE))
            except FileNotFoundError:
                return True
            except OSError:
                # Windows opens no folders.
                return False
            opened.callback(os.close, files[-1])
            if not flocks.take(files[-1], until=float("-inf")):
                return False
        # Another folder by now, if somebody has removed it and somebody else has made it again.
        if not _is_at(files[0], folder) or not _is_at(files[1], folder / USERS):
            return False
        log.info("Removing features that nobody uses: %s", folder)
        # At once, for whoever looks for it next, whatever becomes of this process.
        aside = folder.with_name(f"{REMOVED}{folder.name}-{os.getpid()}")
        try:
            os.rename(folder, aside)
        except OSError:
            return False
        shutil.rmtree(aside, ignore_errors=True)
        return True


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _time_ns(path: str | Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def _opened(folder: Path) -> int:
    while True:
        make_folder(folder)
        # It may be removed between the two.
        with contextlib.suppress(FileNotFoundError):
            return os.open(folder / USERS, os.O_RDWR | os.O_CREAT, NEW_FILE_MODE)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except OSError:
        return False
