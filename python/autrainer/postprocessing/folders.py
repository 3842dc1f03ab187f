"""Folders that are replaced as a whole: the old one stays until the new one is complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autrainer.runs.writing.files import make_folder, rename
from autrainer.runs.writing.folders import remove_folder


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the place of another one when the block has ended.

    If the block raises an error, the old folder is as it was.

    Args:
        folder: The folder to replace; it need not exist.

    Raises:
        OutputError: naming what could not be written or removed.
    """
    made = folder.with_name(f".{folder.name}.new")
    old = folder.with_name(f".{folder.name}.old")
    remove_folder(made)
    make_folder(made)
    try:
        yield made
    except BaseException:
        remove_folder(made)
        raise
    remove_folder(old)
    if folder.exists():
        rename(folder, old)
    rename(made, folder)
    remove_folder(old)
