"""Tar archives that anybody may have made, unpacked into a folder and nowhere else."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from shutil import copyfileobj, disk_usage

from autrainer.datasets.fetching.unpacking import move_into, reason_against_path
from autrainer.errors import CorruptFileError
from autrainer.runs.writing.files import make_folder, unwritable
from autrainer.runs.writing.folders import remove_folder
from autrainer.runs.writing.opening import reading

_DAMAGED = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


def unpack_tar(archive: Path, folder: Path) -> None:
    """Unpack an archive, compressed or not, unless something speaks against one of its members.

    Members that are there already are replaced. Killed meanwhile, it leaves whole files only. One
    process at a time may unpack an archive.

    Args:
        archive: A tar archive; gzip, bzip2 and xz are known.
        folder: Where its members go.

    Raises:
        FileNotFoundError: if there is no such archive.
        CorruptFileError: naming archive and member, if it is damaged, takes more than the disk has,
            or has members that are no files or would be written outside of the folder. The folder
            is then as it was.
        OutputError: if a file could not be written.
    """
    staging = folder / f".{archive.name}.unpacking"
    remove_folder(staging)
    try:
        make_folder(staging)
        # Read once only: what speaks against a member is seen when it comes.
        left = disk_usage(folder).free
        with _opened(archive) as tar:
            for info in _members(tar, archive):
                _check(info, archive, folder, left)
                left -= info.size
                _write(tar, info, staging / info.name, archive)
        move_into(folder, staging)
    finally:
        remove_folder(staging)


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    with reading(archive) as file:
        try:
            tar = tarfile.open(fileobj=file, mode="r|*")  # noqa: SIM115  # closed below
        except _DAMAGED as error:
            fix = "remove it and download it again"
            raise CorruptFileError(f"{archive} is no tar archive ({error}); {fix}") from error
        with tar:
            yield tar


def _members(tar: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    while True:
        try:
            info = tar.next()
        except _DAMAGED as error:
            raise CorruptFileError(f"{archive} is damaged: {error}") from error
        if info is None:
            return
        yield info


def _check(info: tarfile.TarInfo, archive: Path, folder: Path, free: int) -> None:
    path = PurePosixPath(info.name)
    reason = reason_against_path(path, folder)
    if info.issym() or info.islnk():
        reason = "is a link"
    elif not info.isfile() and not info.isdir():
        reason = "is no file"
    elif not path.parts and info.isfile():
        reason = "has no name"
    elif info.size > free:
        reason = f"would take {info.size} bytes, and {free} are free"
    if reason:
        raise CorruptFileError(f"{archive}: its member {info.name!r} {reason}")


def _write(tar: tarfile.TarFile, info: tarfile.TarInfo, place: Path, archive: Path) -> None:
    if info.isdir():
        make_folder(place)
        return
    make_folder(place.parent)
    try:
        target = open(place, "xb")  # noqa: SIM115  # closed below
    except FileExistsError as error:
        raise CorruptFileError(f"{archive}: its member {info.name!r} is in it twice") from error
    except OSError as error:
        raise unwritable(place, error) from error
    with target:
        try:
            source = tar.extractfile(info)
            assert source is not None
            copyfileobj(source, target, 2**20)
        except _DAMAGED as error:
            raise CorruptFileError(
                f"{archive}: its member {info.name!r} cannot be unpacked: {error}"
            ) from error
