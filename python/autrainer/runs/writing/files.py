"""Files of a run folder. Each is written whole or not at all, and every error names its path.

A file is written beside its place, synced to the disk and renamed; whoever reads meanwhile, or
after a crash, finds the old content or the new one.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from autrainer import _core
from autrainer.errors import DataError, OutputError

if TYPE_CHECKING:
    import numpy.typing as npt

    StrPath = str | os.PathLike[str]


def write_text(path: StrPath, text: str) -> None:
    r"""Write a text as UTF-8, its line ends as they are.

    Raises:
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    # Names of files that are no UTF-8 get into texts as lone surrogates, and out again as bytes.
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_bytes(path: StrPath, data: bytes | bytearray | memoryview) -> None:
    """Write bytes; nothing is copied.

    Raises:
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    if not isinstance(data, bytes):
        np = find_numpy()
        _core.write_bytes(with_folder(path), np.frombuffer(data, dtype=np.uint8))
        return
    _core.write_bytes(with_folder(path), data)


def find_numpy() -> ModuleType:
    """NumPy, found by the extension too.

    Whoever imports NumPy at its beginning calls this there: an interrupt is an error then, and no
    thread is looking for NumPy when a process is forked.
    """
    import numpy

    _core.find_numpy()
    return numpy


def copy_file(source: StrPath, target: StrPath) -> None:
    """Copy the content of a file.

    Raises:
        FileNotFoundError: if there is no `source`.
        OutputError: naming `target`, if it could not be written; it is then as it was before.
    """
    _core.copy_file(os.fspath(source), with_folder(target))


def make_folder(folder: Path) -> Path:
    """Make a folder and those above it, unless they are there; new ones are on disk afterwards.

    Raises:
        OutputError: naming the folder, if it could not be made.
    """
    _core.make_folder(os.fspath(folder))
    return folder


def rename(source: Path, target: Path) -> None:
    """Give a file or folder another name on the same file system; it is on the disk afterwards.

    Raises:
        OutputError: naming `target`, if that could not be done.
    """
    _core.rename(os.fspath(source), os.fspath(target))


def with_folder(path: StrPath) -> str:
    """The path of a file as text; its folder exists afterwards.

    Raises:
        OutputError: naming the file, if its folder could not be made.
    """
    text = os.fspath(path)
    try:
        make_folder(Path(text).parent)
    except OutputError as error:
        reason = f"{error.strerror}; the folder of {Path(text).name} could not be made"
        raise OutputError(error.errno, reason, text) from error
    return text


def remove_file(path: Path) -> None:
    """Remove a file if it is there.

    Raises:
        OutputError: naming the file, if it could not be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """Remove files of a folder that are there.

    Raises:
        OutputError: naming the file, if one could not be removed.
    """
    for name in names:
        remove_file(folder / name)


def remove_leftovers(folder: Path) -> None:
    """Remove files that were being written when their process was killed.

    Only whoever owns the folder may call this: others may be writing.

    Raises:
        OutputError: naming the file, if one could not be removed.
    """
    for path in folder.rglob(".autrainer-*.tmp"):
        remove_file(path)


def unwritable(path: StrPath, error: OSError) -> OutputError:
    """What the system said of a file of a run folder, as an error of ours that names the file."""
    return OutputError(error.errno or errno.EIO, error.strerror or str(error), os.fspath(path))


def write_npy(path: StrPath, array: npt.NDArray[Any], *, synced: bool = True) -> None:
    """Write an array, byte for byte as `numpy.save` does.

    Args:
        path: The file.
        array: The array.
        synced: Wait until it is on the disk. Who writes many files may do that later for all of
            them, by `sync_files`: until then a loss of power, not of the process, can cost one.

    Raises:
        DataError: if the array holds Python objects.
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    np = find_numpy()
    array = np.asanyarray(array)
    if array.dtype.names is None:
        _core.write_npy(with_folder(path), array, synced)
        return
    buffer = io.BytesIO()
    try:
        np.save(buffer, array, allow_pickle=False)
    except ValueError as error:
        raise DataError(f"{os.fspath(path)}: an array of {array.dtype}: {error}") from error
    write_bytes(path, buffer.getbuffer())


def sync_files(paths: Sequence[StrPath]) -> None:
    """Wait until files and their names are on the disk.

    Linux takes all that waits to be written to a file system at once; elsewhere, and where that
    fails, they are synced one by one, each of which waits for the disk.

    Raises:
        OutputError: naming a file that is not; it is removed, since nobody knows what it holds.
    """
    folders = {os.path.dirname(os.fspath(path)) or "." for path in paths}
    devices = {os.stat(folder).st_dev: folder for folder in folders}
    if all(_sync_file_system(folder) for folder in devices.values()):
        return
    for path in paths:
        try:
            _sync(path)
        except OSError as error:
            remove_file(Path(path))
            raise unwritable(path, error) from error
    for folder in folders:
        # Some file systems cannot sync a folder.
        with suppress(OSError):
            _sync(folder)


def _sync_file_system(folder: str) -> bool:
    """Whether all of the file system of a folder is on the disk now."""
    if sys.platform != "linux":
        return False
    import ctypes

    call = getattr(ctypes.CDLL(None), "syncfs", None)
    if call is None:
        return False
    file = os.open(folder, os.O_RDONLY)
    try:
        return bool(call(file) == 0)
    finally:
        os.close(file)


def _sync(path: StrPath) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def write_by_name(path: StrPath, fill: Callable[[str], object]) -> None:
    """Have a library write a file that it can only write under a name.

    Args:
        path: The file.
        fill: Writes the whole content into the file whose path it is given.

    Raises:
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    target = with_folder(path)
    try:
        _core.write_by_name(target, fill)
    except OutputError:
        raise
    except OSError as error:
        reason = f"{error.strerror or error}; nothing was written"
        raise OutputError(error.errno or errno.EIO, reason, target) from error
