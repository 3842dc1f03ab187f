"""Opening files that anybody may have put there: nothing but a regular file is ever opened.

A pipe would be waited for, a device may do something when it is opened, and what is written through
a link lands in a file that nobody has chosen.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autrainer.errors import CorruptFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

StrPath = str | os.PathLike[str]

NEW_FILE_MODE = 0o666
"""Permissions of a new file, of which the process's umask takes some away."""

# Windows has neither of them; there `_refuse` alone looks.
_WITHOUT_LINKS = getattr(os, "O_NOFOLLOW", 0)
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0)
_IRREGULAR = {
    stat.S_IFLNK: (errno.ELOOP, "a link"),
    stat.S_IFDIR: (errno.EISDIR, "a folder"),
    stat.S_IFIFO: (errno.ENXIO, "a pipe"),
    stat.S_IFSOCK: (errno.ENXIO, "a socket"),
    stat.S_IFCHR: (errno.ENXIO, "a device"),
    stat.S_IFBLK: (errno.ENXIO, "a device"),
}


def open_regular(path: StrPath, flags: int = os.O_RDONLY, *, follows_links: bool = False) -> int:
    """Descriptor of a regular file.

    Args:
        path: The file.
        flags: As of `os.open`.
        follows_links: A link to a regular file will do.

    Raises:
        OSError: naming what is there, if it is no regular file; else what the system said.
    """
    with_links = 0 if follows_links else _WITHOUT_LINKS
    try:
        # Opening some devices does something, so it is not tried.
        _refuse(os.stat(path, follow_symlinks=follows_links), path)
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    flags |= with_links | _WITHOUT_WAITING | getattr(os, "O_CLOEXEC", 0)
    file = os.open(path, flags, NEW_FILE_MODE)
    try:
        _refuse(os.fstat(file), path)
    except BaseException:
        os.close(file)
        raise
    return file


@contextmanager
def reading(path: StrPath) -> Iterator[BinaryIO]:
    """A regular file, or one that a link leads to, open for reading.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: naming the file, if it is a pipe, a device, or anything else but a file.
        OSError: if it cannot be opened for another reason.
    """
    refuse_irregular(path)
    with os.fdopen(open_regular(path, follows_links=True), "rb") as file:
        yield file


def refuse_irregular(path: StrPath) -> None:
    """Look whether what a library will open by its name is a file.

    Raises:
        CorruptFileError: naming the file, if it is a pipe, a device, or anything else but a file.
    """
    found = kind_of(path, follows_links=True)
    if found is not None:
        raise CorruptFileError(f"{os.fspath(path)}: expected a file, found {found}")


def kind_of(path: StrPath, *, follows_links: bool = False) -> str | None:
    """What a path leads to if it is neither a regular file nor nothing: `a link`, `a pipe`, ..."""
    try:
        mode = os.stat(path, follow_symlinks=follows_links).st_mode
    except FileNotFoundError:
        return None
    return None if stat.S_ISREG(mode) else _kind(mode)[1]


def read_text(path: Path) -> str:
    """Text of a file in UTF-8, as `reading` opens it; lines end as in `Path.read_text`.

    Raises:
        FileNotFoundError: and the others of `reading`.
        UnicodeDecodeError: if it is no UTF-8.
    """
    with reading(path) as file, io.TextIOWrapper(file, encoding="utf-8") as text:
        return text.read()


def no_table(path: StrPath, error: Exception) -> CorruptFileError:
    """What to raise for a file that is no table of comma-separated values.

    Args:
        path: The file.
        error: What `csv` or pandas say about it.
    """
    reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
    if isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start]
        reason = f"text that is not UTF-8 (byte 0x{byte:02x}); save the file as UTF-8"
    return CorruptFileError(
        f"{os.fspath(path)}: expected a table of comma-separated values, found {reason}"
    )


def _refuse(found: os.stat_result, path: StrPath) -> None:
    if not stat.S_ISREG(found.st_mode):
        number, kind = _kind(found.st_mode)
        raise OSError(number, f"it is {kind}, not a file", os.fspath(path))


def _kind(mode: int) -> tuple[int, str]:
    return _IRREGULAR.get(stat.S_IFMT(mode), (errno.EINVAL, "no regular file"))
