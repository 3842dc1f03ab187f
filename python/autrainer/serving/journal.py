"""Results as they are done, so that an interrupted call goes on where it was.

A file of lines of JSON: the first says what is asked, each of the others is a group of files that
is done. A line that was being written when the process was killed does not end, and does not count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autrainer.errors import CorruptFileError
from autrainer.runs.writing.files import make_folder, remove_file, unwritable
from autrainer.runs.writing.opening import open_regular, reading
from autrainer.serving.results import FileResult, as_json, from_json

FORMAT = 2


class Journal:
    """Groups of results that are done.

    Args:
        path: The file. What another question has left there is forgotten.
        question: What is asked, of plain values: model, settings, files with size and time.

    Attributes:
        groups: The groups that were done before.

    Raises:
        OutputError: if the file cannot be written.
    """

    def __init__(self, path: Path, question: Any) -> None:
        self.path = path
        make_folder(path.parent)
        head = _line({"format": FORMAT, "question": question})
        done, size = _read(path, head)
        self.groups = done
        try:
            self._file = os.fdopen(open_regular(path, os.O_RDWR | os.O_CREAT), "r+b")
            self._file.truncate(size)
            self._file.seek(size)
            if not size:
                self._write(head)
        except OSError as error:
            raise unwritable(path, error) from error

    def append(self, results: Sequence[FileResult]) -> None:
        """Note that a group is done; it is on the disk afterwards.

        Raises:
            OutputError: if the file cannot be written.
        """
        try:
            self._write(_line([as_json(result) for result in results]))
        except OSError as error:
            raise unwritable(self.path, error) from error

    def close(self) -> None:
        """Leave the file to a later call."""
        self._file.close()

    def remove(self) -> None:
        """Remove the file: all results stand elsewhere."""
        self.close()
        remove_file(self.path)

    def _write(self, line: bytes) -> None:
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())


def _line(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=True).encode() + b"\n"


def _read(path: Path, head: bytes) -> tuple[list[list[FileResult]], int]:
    """Groups of a journal that answers the same question, and how many bytes of it are whole."""
    groups: list[list[FileResult]] = []
    size = 0
    try:
        with reading(path) as file:
            for number, line in enumerate(file):
                if not line.endswith(b"\n") or (number == 0 and line != head):
                    break
                if number:
                    groups.append([from_json(result) for result in json.loads(line)])
                size += len(line)
    except (FileNotFoundError, CorruptFileError):
        return [], 0
    except (ValueError, TypeError, KeyError):
        # The last line, cut where the process was killed, or where a disk lost power.
        return groups, size
    return groups, size
