"""A file that has come in part, and what has to be known to ask for the rest of it.

It lies beside its place under a hidden name, with a note of the address and of what the server
says its content is (`ETag` or `Last-Modified`). Only the rest of the very same content is asked
for; where a server says nothing of that kind, and there is no checksum, it begins anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from autrainer.errors import OutputError
from autrainer.runs.writing.files import remove_file, rename, unwritable, with_folder, write_text
from autrainer.runs.writing.opening import open_regular, read_text


class PartialFile:
    """What has come of a file so far.

    Args:
        target: The place of the file.
        url: Where it comes from.
        is_checked: A checksum will tell whether the parts belong together.
    """

    def __init__(self, target: Path, url: str, *, is_checked: bool) -> None:
        self.target = Path(with_folder(target))
        self.path = target.with_name(f".{target.name}.part")
        self._note = target.with_name(f".{target.name}.part.json")
        self._url = url
        self._is_checked = is_checked

    def headers(self) -> dict[str, str]:
        """What asks for the rest; empty if all has to come."""
        size, validator = self._size(), self._validator()
        if not size or validator is None:
            return {}
        asked = {"Range": f"bytes={size}-"}
        return {**asked, "If-Range": validator} if validator else asked

    def begin(self, headers: Mapping[str, str]) -> None:
        """Note what the server says of the content that is about to come.

        Raises:
            OutputError: if the note could not be written.
        """
        etag = headers.get("ETag", "")
        # A weak one says that two contents mean the same, not that they are.
        validator = headers.get("Last-Modified", "") if etag.startswith("W/") or not etag else etag
        remove_file(self._note)
        if validator or self._is_checked:
            write_text(self._note, json.dumps({"url": self._url, "validator": validator}))

    @contextmanager
    def opened(self, start: int) -> Iterator[BinaryIO]:
        """The file, to be written on from a position; what lies behind it is cut off.

        Raises:
            OutputError: if it cannot be written.
        """
        try:
            number = open_regular(self.path, os.O_RDWR | os.O_CREAT)
            with os.fdopen(number, "r+b") as file:
                file.truncate(start)
                file.seek(start)
                yield file
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise unwritable(self.target, error) from error

    def finish(self) -> None:
        """Put it in its place.

        Raises:
            OutputError: if that cannot be done.
        """
        try:
            rename(self.path, self.target)
        except OutputError as error:
            raise unwritable(self.target, error) from error
        remove_file(self._note)

    def keep_or_remove(self) -> None:
        """Leave it for the next attempt, or remove what nobody could go on with."""
        if not self._size() or self._validator() is None:
            self.remove()

    def remove(self) -> None:
        """Remove it: what has come is not what was asked for."""
        remove_file(self.path)
        remove_file(self._note)

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def _validator(self) -> str | None:
        """What the server said of the content, maybe nothing; None if it is not to be gone on."""
        try:
            note = json.loads(read_text(self._note))
        except (OSError, ValueError):
            return None
        is_note = isinstance(note, dict) and note.get("url") == self._url
        validator = note.get("validator") if is_note else None
        if not isinstance(validator, str):
            return None
        return validator if validator or self._is_checked else None
