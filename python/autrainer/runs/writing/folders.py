"""Whole folders of a run: copied at rest, removed, and removed without what the user put there."""

from __future__ import annotations

import errno
import filecmp
import logging
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from autrainer.errors import CorruptFileError, OutputError
from autrainer.runs.layout import PLOTS, is_file_of_run, is_folder_of_run
from autrainer.runs.writing.files import copy_file, make_folder, rename, unwritable, with_folder

log = logging.getLogger(__name__)

REMOVING = ".removing"
"""End of the hidden name of a run that is being removed."""


def copy_folder(source: Path, target: Path, *, without: str | None = None) -> None:
    """Replace a folder by a copy of another; the target is never seen half copied.

    Links stay links, so nothing is copied that lies outside, and pipes and devices are left out.

    Args:
        source: The folder. Whoever copies it keeps others from changing it.
        target: What it replaces.
        without: Pattern of the names of files that are left out.

    Raises:
        FileNotFoundError: if there is no such folder.
        CorruptFileError: if it was changed all the same while it was copied.
        OutputError: naming the file, if one could not be written.
    """
    staging = target.with_name(f".{target.name}.copying")
    remove_folder(staging)
    make_folder(staging)
    before = dict(_listing(source, source, without))
    for name, found in before.items():
        if stat.S_ISLNK(found.st_mode):
            _copy_link(source / name, staging / name)
        else:
            copy_file(source / name, staging / name)
    after = dict(_listing(source, source, without))
    if _states_of(before) != _states_of(after):
        raise CorruptFileError(f"{source}: expected a folder at rest, found one that changes")
    remove_folder(target)
    rename(staging, target)


def _listing(
    folder: Path, source: Path, without: str | None
) -> Iterator[tuple[str, os.stat_result]]:
    """Files and links below a folder, relative to its root, with what the system says of them."""
    for path in sorted(folder.iterdir()):
        found = path.lstat()
        is_copied = stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)
        if stat.S_ISDIR(found.st_mode):
            yield from _listing(path, source, without)
        elif is_copied and (without is None or not path.match(without)):
            yield str(path.relative_to(source)), found


def _states_of(listing: Mapping[str, os.stat_result]) -> dict[str, tuple[int, int, int]]:
    return {name: (at.st_ino, at.st_size, at.st_mtime_ns) for name, at in listing.items()}


def _copy_link(source: Path, target: Path) -> None:
    try:
        os.symlink(os.readlink(source), with_folder(target))
    except OSError as error:
        raise unwritable(target, error) from error


def remove_folder(folder: Path) -> None:
    """Remove a folder and everything in it, if it is there; of a link, the link.

    Raises:
        OutputError: naming the folder, if something in it could not be removed.
    """
    try:
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        # The system names files relative to a folder that it has open.
        raise unwritable(folder, error) from error


def remove_run(folder: Path, heir: Path) -> None:
    """Remove the folder of a run; what the run has not made itself goes to another one's folder.

    Files that both have under one name, with different content, are numbered there. Killed
    meanwhile, this leaves nothing that looks like a run.

    Args:
        folder: The run folder, whose lock the caller holds.
        heir: The folder of the run that has everything of value that this one made.

    Raises:
        OutputError: naming what could not be moved; nothing has been removed then.
    """
    for moved in _hand_over(folder, heir, PurePath()):
        log.info("Moved to %s, as it is no file of a run: %s", heir.name, moved)
    remove_whole(folder)


def remove_whole(folder: Path) -> None:
    """Remove a run with everything in it; killed meanwhile, this leaves nothing like a run.

    Args:
        folder: The run folder, whose lock the caller holds.

    Raises:
        OutputError: naming the folder, if it could not be moved away; nothing is removed then.
    """
    hidden = folder.with_name(f".{folder.name}{REMOVING}")
    remove_folder(hidden)
    rename(folder, hidden)
    shutil.rmtree(hidden, ignore_errors=True)
    if hidden.exists():
        log.warning("%s could not be removed; nobody needs it any more", hidden)


def remove_half_removed(runs_dir: Path) -> None:
    """Remove what processes have left that were killed while they removed a run."""
    for hidden in runs_dir.glob(f".*{REMOVING}"):
        shutil.rmtree(hidden, ignore_errors=True)


def _hand_over(source: Path, target: Path, below: PurePath) -> Iterator[PurePath]:
    """Move what a run has not made, and yield its names as they are now."""
    for path in sorted(source.iterdir()):
        relative, place = below / path.name, target / path.name
        is_folder = _is_folder(path)
        if is_folder and (is_folder_of_run(relative) or _is_folder(place)):
            yield from _hand_over(path, place, relative)
        elif (not is_folder and is_file_of_run(relative)) or _is_there(path, place, relative):
            continue
        else:
            place = _free(place)
            _move(path, place)
            yield below / place.name


def _is_there(path: Path, place: Path, relative: PurePath) -> bool:
    """Whether the other run has the same, or a newer drawing of it."""
    if relative.parts[0] == PLOTS:
        return os.path.lexists(place)
    both = (path, place)
    if all(p.is_symlink() for p in both):
        return os.readlink(path) == os.readlink(place)
    are_files = all(p.is_file() and not p.is_symlink() for p in both)
    return are_files and filecmp.cmp(path, place, shallow=False)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _free(place: Path) -> Path:
    """The place, or if something is there the first free one with a number."""
    free, number = place, 0
    while os.path.lexists(free):
        number += 1
        free = place.with_name(f"{place.stem}-{number}{place.suffix}")
    return free


def _move(path: Path, place: Path) -> None:
    make_folder(place.parent)
    try:
        rename(path, place)
    except OutputError as error:
        if error.errno != errno.EXDEV:
            raise
        # A folder of the run is another file system.
        shutil.move(path, place)
