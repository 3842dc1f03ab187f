"""Features of many recordings, by all cores: whole files or none, and only what has changed."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from autrainer.errors import OutputError, message_of
from autrainer.preprocessing.jobs import Job
from autrainer.preprocessing.manifest import Manifest, Note
from autrainer.runs.locking.folders import alone_in
from autrainer.runs.process.bars import counting_bar
from autrainer.runs.writing.files import make_folder, remove_file, sync_files

Extract = Callable[[str, Path], None]
"""Makes the features of a recording (its path), and writes them whole or not at all, unsynced."""

MOMENT_S, MOST_AT_ONCE = 0.02, 16
"""What takes less than this is done more at a time, up to so many files."""

SYNCED_TOGETHER = 512
"""Files that are synced to the disk at a time: the first of them takes most of the others along."""


@dataclass
class State:
    """Where a folder of features stands.

    Args:
        missing: What has to be made: path of the recording by path of its features.
        kept: Number of files that are as they would be made.
        foreign: Files that were there before, made by nobody knows what.
        failures: Why features could not be made, by path of the recording.
        made: Number of files that have been made now.
    """

    missing: dict[str, str] = field(default_factory=dict)
    kept: int = 0
    foreign: dict[str, Note] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    made: int = 0


def state_of(job: Job, *, force: bool = False) -> State:
    """What has to be made for a job, without making it.

    Args:
        job: The job.
        force: Make everything again.
    """
    return _compare(job, Manifest(job.folder, job.question), force)


def run_job(
    job: Job,
    extract_of: Callable[[Job], tuple[Extract, bool]],
    *,
    num_threads: int = 0,
    update_frequency: int = 1,
    force: bool = False,
) -> State:
    """Make the features of a job that are not there as they should be.

    Args:
        job: The job.
        extract_of: Gives what makes features, and whether several threads may call it; only called
            if there is something to make.
        num_threads: How many threads do it, if several may; 0 for as many as there are cores.
        update_frequency: Files between two looks of the progress bar; 0 for none.
        force: Make everything again.

    Raises:
        OutputError: if a file could not be written.
    """
    make_folder(job.folder)
    with alone_in(job.folder, "makes features in"):
        manifest = Manifest(job.folder, job.question)
        state = _compare(job, manifest, force)
        if not state.missing and not (manifest.is_new and state.foreign):
            return state
        for leftover in job.folder.rglob(".autrainer-*.tmp*"):
            remove_file(leftover)
        manifest.open()
        try:
            manifest.add(state.foreign)
            if state.missing:
                extract, may_be_threaded = extract_of(job)
                threads = (num_threads or os.cpu_count() or 1) if may_be_threaded else 1
                _extract_all(job, state, manifest, extract, threads, update_frequency)
        except BaseException:
            manifest.leave()
            raise
        manifest.close()
    return state


def _compare(job: Job, manifest: Manifest, force: bool) -> State:
    state = State()
    there = _sizes(job.folder)
    notes = manifest.notes
    for name, recording in job.files.items():
        size = there.get(name)
        if size is None:
            # Elsewhere, or behind a link; mostly it is not there.
            size = _size(os.path.join(job.folder, name))
        note = notes.get(name)
        if size is None or force:
            state.missing[name] = recording
        elif note is None and manifest.is_new:
            state.foreign[name] = Note(None, 0, size)
        elif note is None or note.made != size or _has_changed(recording, note):
            state.missing[name] = recording
        elif note.size is None:
            state.foreign[name] = note
        else:
            state.kept += 1
    return state


def _has_changed(recording: str, note: Note) -> bool:
    if note.size is None:
        return False
    try:
        found = os.stat(recording)
    except OSError:
        # Its features are what is left of it.
        return False
    return found.st_size != note.size or found.st_mtime_ns != note.time_ns


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of all files below a folder, by their relative paths."""
    found: dict[str, int] = {}
    waiting = [("", os.fspath(folder))]
    while waiting:
        below, path = waiting.pop()
        try:
            entries = list(os.scandir(path))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append((f"{below}{entry.name}/", entry.path))
                continue
            # What another process is writing may be gone by now.
            with suppress(FileNotFoundError):
                if entry.is_file():
                    found[f"{below}{entry.name}"] = entry.stat().st_size
    return found


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def _extract_all(
    job: Job,
    state: State,
    manifest: Manifest,
    extract: Extract,
    num_threads: int,
    update_frequency: int,
) -> None:
    outcomes, syncing = _outcomes(job, state.missing, extract, num_threads), _Syncing()
    bar = _bar(job, len(state.missing), update_frequency) if update_frequency > 0 else None
    try:
        for done in outcomes:
            notes = {name: outcome for name, outcome in done if isinstance(outcome, Note)}
            # At once, so that a call that is killed again and again comes to an end. What is lost
            # with the power before it is synced has another size than this.
            manifest.add(notes)
            state.made += len(notes)
            syncing.add([job.folder / name for name in notes])
            state.failures |= {
                state.missing[name]: outcome for name, outcome in done if isinstance(outcome, str)
            }
            if bar is not None:
                bar.update(len(done))
        syncing.end()
    finally:
        outcomes.close()
        syncing.close()
        if bar is not None:
            bar.close()


class _Syncing:
    """Syncs files to the disk, many at a time, beside those that are made meanwhile."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._waiting: list[Path] = []
        self._under_way: Future[None] | None = None

    def add(self, paths: Sequence[Path]) -> None:
        """Have files synced some time before the end.

        Raises:
            OutputError: if one of those before could not be.
        """
        self._waiting += paths
        if len(self._waiting) >= SYNCED_TOGETHER:
            self._begin()

    def end(self) -> None:
        """Sync what is left.

        Raises:
            OutputError: if a file could not be synced.
        """
        self._begin()
        self._begin()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def _begin(self) -> None:
        if self._under_way is not None:
            self._under_way.result()
        self._under_way = self._thread.submit(sync_files, self._waiting)
        self._waiting = []


def _bar(job: Job, total: int, update_frequency: int) -> Any:
    title = f"{job.dataset} {job.preprocessing}"
    return counting_bar(title, total, "file", every=update_frequency)


_Outcomes = list[tuple[str, "Note | str"]]
"""A note, or why there is none, for some files."""


def _outcomes(
    job: Job, missing: Mapping[str, str], extract: Extract, num_threads: int
) -> Generator[_Outcomes, None, None]:
    """What became of all files, a few at a time; as many as take a moment are one task."""
    names, num = iter(missing.items()), 1
    under_way: deque[Future[tuple[float, _Outcomes]]] = deque()
    with ThreadPoolExecutor(num_threads, thread_name_prefix="preprocess") as threads:
        try:
            while (some := list(islice(names, num))) or under_way:
                if some:
                    under_way.append(threads.submit(_several, extract, some, job.folder))
                if not some or len(under_way) > 2 * num_threads:
                    seconds, done = under_way.popleft().result()
                    yield done
                    num = min(2 * num, MOST_AT_ONCE) if seconds < MOMENT_S else 1
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _several(
    extract: Extract, files: Sequence[tuple[str, str]], folder: Path
) -> tuple[float, _Outcomes]:
    """Seconds that it took, and what became of some files."""
    start_s = time.monotonic()
    done = [(name, _one(extract, recording, folder, name)) for name, recording in files]
    return time.monotonic() - start_s, done


def _one(extract: Extract, recording: str, folder: Path, name: str) -> Note | str:
    target = folder / name
    try:
        # Before it is read: a recording that changes meanwhile is made again the next time.
        found = os.stat(recording)
        extract(recording, target)
    except OutputError:
        # A full disk is no fault of a recording.
        raise
    # Of a decoder, of a library, of a transform of the user's own: the others go on.
    except Exception as error:
        text = " ".join(message_of(error).split()).removeprefix(f"{recording}: ")
        return text or type(error).__name__
    return Note(found.st_size, found.st_mtime_ns, os.stat(target).st_size)
