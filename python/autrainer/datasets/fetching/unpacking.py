"""Zip archives that anybody may have made, unpacked into a folder and nowhere else."""

from __future__ import annotations

import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from shutil import copyfileobj, disk_usage

from autrainer.errors import CorruptFileError
from autrainer.runs.writing.files import make_folder, unwritable
from autrainer.runs.writing.folders import remove_folder
from autrainer.runs.writing.opening import reading

Members = dict[PurePosixPath, zipfile.ZipInfo]

_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    # Of compression that this Python does not know, and of archives that need a password.
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive, unless something speaks against one of its members.

    Members that are there already are replaced. Killed meanwhile, it leaves whole files only. One
    process at a time may unpack an archive.

    Args:
        archive: A zip archive.
        folder: Where its members go.

    Raises:
        FileNotFoundError: if there is no such archive.
        CorruptFileError: naming archive and member, if it is damaged, takes more than the disk has,
            or has members that are no files or would be written outside of the folder. The folder
            is then as it was.
        OutputError: if a file could not be written.
    """
    staging = folder / f".{archive.name}.unpacking"
    with _opened(archive) as zipped:
        members = _members(zipped, archive, folder)
        remove_folder(staging)
        try:
            make_folder(staging)
            for path, info in members.items():
                _write(zipped, info, staging / path, archive)
            move_into(folder, staging)
        finally:
            remove_folder(staging)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    with reading(archive) as file:
        try:
            zipped = zipfile.ZipFile(file)
        except _DAMAGED as error:
            fix = "remove it and download it again"
            raise CorruptFileError(f"{archive} is no zip archive ({error}); {fix}") from error
        with zipped:
            yield zipped


def _members(zipped: zipfile.ZipFile, archive: Path, folder: Path) -> Members:
    """Members by where they go in the folder, once nothing speaks against any of them."""
    members: Members = {}
    for info in zipped.infolist():
        path = PurePosixPath(_name(info))
        reason = _reason_against(info, path, folder)
        if path in members and not (_is_folder(info) and _is_folder(members[path])):
            reason = "is in it twice"
        if reason:
            raise CorruptFileError(f"{archive}: its member {info.filename!r} {reason}")
        members[path] = info
    for path, info in members.items():
        if any(parent in members and not _is_folder(members[parent]) for parent in path.parents):
            raise CorruptFileError(f"{archive}: its member {info.filename!r} lies below a file")
    needed, free = sum(info.file_size for info in members.values()), disk_usage(folder).free
    if needed > free:
        raise CorruptFileError(f"{archive} would take {needed} bytes unpacked, and {free} are free")
    return members


def _name(info: zipfile.ZipInfo) -> str:
    """Name of a member; some archivers of Windows write the separators of their system."""
    return info.filename.replace("\\", "/")


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return _name(info).endswith("/")


def _reason_against(info: zipfile.ZipInfo, path: PurePosixPath, folder: Path) -> str:
    """Why a member must not be unpacked; an empty text if nothing speaks against it."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link" if kind == stat.S_IFLNK else "is no file"
    if not path.parts and not _is_folder(info):
        return "has no name"
    return reason_against_path(path, folder)


def reason_against_path(path: PurePosixPath, folder: Path) -> str:
    """Why nothing must be written to a path in a folder; empty if nothing speaks against it.

    Args:
        path: As an archive has it, below the folder.
        folder: The folder; links in it are followed.
    """
    windows = PureWindowsPath(path)
    if windows.drive or windows.root or ".." in {*path.parts, *windows.parts}:
        return "would be written outside of the folder"
    if not (folder / path).resolve().is_relative_to(folder.resolve()):
        return "would be written through a link that leads out of the folder"
    return ""


def _write(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, place: Path, archive: Path) -> None:
    if _is_folder(info):
        make_folder(place)
        return
    make_folder(place.parent)
    try:
        with zipped.open(info) as source, open(place, "xb") as target:
            copyfileobj(source, target, 2**20)
    except _DAMAGED as error:
        raise CorruptFileError(
            f"{archive}: its member {info.filename!r} cannot be unpacked: {error}"
        ) from error
    except OSError as error:
        raise unwritable(place, error) from error


def move_into(folder: Path, staging: Path) -> None:
    """Put what was unpacked in its place, a folder that is new as a whole."""
    for entry in sorted(staging.iterdir()):
        place = folder / entry.name
        if entry.is_dir() and place.is_dir():
            move_into(place, entry)
            continue
        try:
            os.replace(entry, place)
        except OSError as error:
            raise unwritable(place, error) from error
