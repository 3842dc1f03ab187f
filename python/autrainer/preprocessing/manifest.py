"""What made the files of a folder of features, so that only what has changed is made again.

A file of lines of JSON beside the features: the first says which preprocessing they are of, each of
the others a file of features with size and time of the recording that it was made of. A file is
noted after it is written: what is there without a note was written by a process that was killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.errors import CorruptFileError
from autrainer.runs.writing.files import unwritable, write_text
from autrainer.runs.writing.opening import open_regular, reading

FILE = ".autrainer-features.jsonl"
FORMAT = 1


@dataclass(frozen=True)
class Note:
    """What a file of features was made of.

    Args:
        size: Bytes of the recording; None if nobody knows what made the file.
        time_ns: When the recording was changed last.
        made: Bytes of the file of features.
    """

    size: int | None
    time_ns: int
    made: int


class Manifest:
    """The notes of a folder of features.

    Args:
        folder: The folder.
        question: What decides over the features, of plain values.

    Attributes:
        notes: Notes by name of the file of features, of this preprocessing only.
        is_new: The folder has no manifest yet: whatever is in it was made by others.
    """

    def __init__(self, folder: Path, question: Any) -> None:
        self.path = folder / FILE
        self._head = {"format": FORMAT, "question": question}
        self.notes: dict[str, Note] = {}
        self.is_new = False
        self._size = 0
        self._read()

    def open(self) -> None:
        """Begin to note; what another preprocessing has noted is forgotten.

        Raises:
            OutputError: if the file cannot be written.
        """
        if not self._size:
            # As a whole: an empty manifest would say that nobody knows what made the files.
            head = _line(self._head)
            write_text(self.path, head.decode())
            self._size = len(head)
        try:
            self._file = os.fdopen(open_regular(self.path, os.O_RDWR), "r+b")
            self._file.truncate(self._size)
            self._file.seek(self._size)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def add(self, notes: Mapping[str, Note]) -> None:
        """Note files that have been written.

        Raises:
            OutputError: if the file cannot be written.
        """
        self.notes.update(notes)
        lines = [_line([name, n.size, n.time_ns, n.made]) for name, n in notes.items()]
        try:
            self._file.write(b"".join(lines))
            self._file.flush()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def leave(self) -> None:
        """End it as it is: the next call goes on from here."""
        self._file.close()

    def close(self) -> None:
        """End it: the same notes give the same bytes, in whatever order they were added.

        Raises:
            OutputError: if the file cannot be written.
        """
        self.leave()
        entries = [[name, n.size, n.time_ns, n.made] for name, n in sorted(self.notes.items())]
        write_text(self.path, b"".join(map(_line, [self._head, *entries])).decode())

    def _read(self) -> None:
        try:
            with reading(self.path) as file:
                content = file.read()
        except FileNotFoundError:
            self.is_new = True
            return
        except CorruptFileError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        head, _, rest = whole.partition(b"\n")
        if head + b"\n" != _line(self._head):
            return
        try:
            lines = json.loads(b"[" + b",".join(rest.splitlines()) + b"]")
            self.notes = {name: Note(size, time_ns, made) for name, size, time_ns, made in lines}
        except (ValueError, TypeError):
            # A disk that lost power: everything is made again.
            self.notes = {}
            return
        self._size = len(whole)


def _line(content: Any) -> bytes:
    return json.dumps(content).encode() + b"\n"
