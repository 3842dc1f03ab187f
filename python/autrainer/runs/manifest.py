"""`MANIFEST` of a finished run: name, size and SHA-256 of its files, and whether they still fit.

A line is `SHA-256 <tab> bytes <tab> name`, sorted by name; the last one is the SHA-256 of all lines
before it. Logs are not in it, since they are still written to, nor is `status.yaml`, which is
written after it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from autrainer.errors import CorruptFileError, OutputError
from autrainer.runs.layout import (
    ERROR_FILE,
    LOCK_FILE,
    LOG_FILES,
    MANIFEST_FILE,
    PLOTS,
    RESUME,
    STATUS_FILE,
    is_file_of_run,
)
from autrainer.runs.writing.files import write_text
from autrainer.runs.writing.opening import open_regular, read_text

HEADING = "# autrainer manifest 1: SHA-256, bytes, name"
SEAL = "# SHA-256 of the lines above: "
BLOCK_BYTES = 1 << 20
THREADED_BYTES = 32 << 20
"""So much is read by several threads; less is read before they would have begun."""
MOST_THREADS = 4

_LEFT_OUT = frozenset({MANIFEST_FILE, STATUS_FILE, ERROR_FILE, LOCK_FILE, *LOG_FILES})
_LINE = re.compile(r"([0-9a-f]{64})\t([0-9]+)\t(.+)")


_Signature = tuple[int, int, int]


@dataclass(frozen=True)
class Entry:
    """What a manifest says of a file."""

    digest: str
    size: int


@dataclass
class Verification:
    """How the files of a run fit its manifest.

    Args:
        folder: The run folder.
        num_files: How many files the manifest names.
        changed: Files with other content, each with what is different.
        missing: Files that are not there.
        added: Files of a run that are not in the manifest; nothing is known of them.
        problem: Why nothing could be compared: there is no manifest, or it is damaged.
    """

    folder: Path
    num_files: int = 0
    changed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def is_sound(self) -> bool:
        """Whether every file is what was written."""
        return self.problem is None and not self.changed and not self.missing


class ManifestWriter:
    """Writes the manifest of a run, from digests that were taken soon after files were written.

    So the end of a run need not read gigabytes of states again, which may be in no cache any more.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[_Signature, Entry]] = {}

    def note(self, name: str) -> None:
        """Take digests of the files in a folder of the run, which have just been written.

        What cannot be read now is read by `write`. Called from one thread at a time.
        """
        before = f"{name}/"
        for file, _ in _files(self._folder / name, before):
            signature = _signature(self._folder / file)
            found = _digest(self._folder / file)
            if signature is not None and found.problem is None:
                self._known[file] = (signature, Entry(found.digest, found.size))

    def write(self) -> None:
        """Write the manifest of what is in the run folder now.

        Raises:
            OutputError: naming the file, if one could not be read, or the manifest not be written.
        """
        names = [name for name, _ in _files(self._folder)]
        entries = {name: self._entry_of(name) for name in names}
        unknown = [name for name, entry in entries.items() if entry is None]
        for name, found in zip(unknown, _digests(self._folder, unknown), strict=True):
            if found.problem is not None:
                path = self._folder / name
                raise OutputError(f"{path}: {found.problem}; it was to be in {MANIFEST_FILE}")
            entries[name] = found
        _write(self._folder, {name: entry for name, entry in entries.items() if entry is not None})

    def _entry_of(self, name: str) -> Entry | None:
        signature, entry = self._known.get(name, (None, None))
        is_same = signature is not None and signature == _signature(self._folder / name)
        return entry if is_same else None


def write_manifest(folder: Path) -> None:
    """Write the manifest of what is in a run folder now; raises as `ManifestWriter.write`."""
    ManifestWriter(folder).write()


def read_manifest(folder: Path) -> dict[str, Entry]:
    """What the manifest of a run folder says, by name.

    Raises:
        FileNotFoundError: if there is none.
        CorruptFileError: if it is damaged.
    """
    path = folder / MANIFEST_FILE
    try:
        text = read_text(path)
    except UnicodeDecodeError as error:
        raise CorruptFileError(f"{path}: expected a manifest, found no text") from error
    body, found, seal = text.rpartition(SEAL)
    if not found or seal != f"{_sealed(body)}\n":
        raise CorruptFileError(f"{path}: expected lines that fit their checksum; it is damaged")
    matches = [_LINE.fullmatch(line) for line in body.splitlines()[1:]]
    return {match[3]: Entry(match[1], int(match[2])) for match in matches if match}


def drop_from_manifest(folder: Path, names: Collection[str]) -> None:
    """Take files out of the manifest of a run, as they were removed on purpose.

    Nothing is done where there is no manifest that can be read.
    """
    try:
        entries = read_manifest(folder)
    except (OSError, CorruptFileError):
        return
    kept = {name: entry for name, entry in entries.items() if name not in names}
    if len(kept) < len(entries):
        _write(folder, kept)


def verify(folder: Path, progress: Callable[[int], object] | None = None) -> Verification:
    """Compare the files of a run with its manifest.

    Args:
        folder: The run folder.
        progress: Called with the number of bytes of every file that was read.
    """
    try:
        entries = read_manifest(folder)
    except FileNotFoundError:
        problem = (
            f"it has no {MANIFEST_FILE}: it has not finished, or was written by an earlier version"
        )
        return Verification(folder, problem=problem)
    except (OSError, CorruptFileError) as error:
        return Verification(folder, problem=str(error))
    result = Verification(folder, len(entries))
    there = dict(_files(folder))
    result.added = [name for name in there if name not in entries]
    readable: list[str] = []
    for name, entry in entries.items():
        size = _size(folder / name)
        if size is None:
            result.missing.append(name)
        elif size != entry.size:
            result.changed[name] = f"it has {size} bytes, and had {entry.size}"
        else:
            readable.append(name)
    for name, found in zip(readable, _digests(folder, readable, progress), strict=True):
        if found.digest != entries[name].digest:
            result.changed[name] = found.problem or "its content is another one"
    return result


def _write(folder: Path, entries: Mapping[str, Entry]) -> None:
    lines = [f"{entry.digest}\t{entry.size}\t{name}" for name, entry in sorted(entries.items())]
    body = "\n".join([HEADING, *lines, ""])
    write_text(folder / MANIFEST_FILE, f"{body}{SEAL}{_sealed(body)}\n")


def _sealed(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class _Found(Entry):
    problem: str | None = None


def _digests(
    folder: Path, names: list[str], progress: Callable[[int], object] | None = None
) -> Iterator[_Found]:
    """Digest and size of files, in their order."""

    def digest(name: str) -> _Found:
        found = _digest(folder / name)
        if progress is not None:
            progress(found.size)
        return found

    num_threads = min(MOST_THREADS, os.cpu_count() or 1)
    total = sum(_size(folder / name) or 0 for name in names)
    if total < THREADED_BYTES or num_threads == 1:
        yield from map(digest, names)
        return
    with ThreadPoolExecutor(num_threads) as pool:
        yield from pool.map(digest, names)


def _digest(path: Path) -> _Found:
    """SHA-256 of a file; of one that cannot be read, why."""
    found, size = hashlib.sha256(), 0
    try:
        file = open_regular(path)
    except OSError as error:
        return _Found("", 0, f"it cannot be read: {error.strerror}")
    with os.fdopen(file, "rb", buffering=0) as opened:
        buffer = memoryview(bytearray(min(BLOCK_BYTES, max(1, os.fstat(file).st_size + 1))))
        try:
            while count := opened.readinto(buffer):
                found.update(buffer[:count])
                size += count
        except OSError as error:
            return _Found("", size, f"it cannot be read: {error.strerror}")
    return _Found(found.hexdigest(), size)


def _files(folder: Path, before: str = "") -> Iterator[tuple[str, int]]:
    """Name and size of the files that a manifest names.

    Args:
        folder: The run folder, or one in it.
        before: What its files are called before their own names.
    """
    for path in sorted(folder.rglob("*")):
        name = PurePath(before, path.relative_to(folder))
        is_plot = name.parts[0] == PLOTS
        is_left_out = str(name) in _LEFT_OUT or name.parts[0] == RESUME
        if not is_left_out and (is_plot or is_file_of_run(name)) and not _is_passing(name):
            size = _size(path)
            if size is not None:
                yield str(name), size


def _is_passing(name: PurePath) -> bool:
    return any(part.startswith(".") and part != ".hydra" for part in name.parts)


def _signature(path: Path) -> _Signature | None:
    """What changes when a file is replaced or written to; None if there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _size(path: Path) -> int | None:
    """Bytes of a regular file; None if there is none, or a link."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
