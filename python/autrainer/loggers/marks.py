"""What a logger has logged, on disk, so that a run that is resumed logs nothing twice."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from autrainer.errors import CorruptFileError
from autrainer.runs.writing.opening import open_regular, reading

log = logging.getLogger(__name__)

_NUMBER = re.compile(r"-?[0-9]{1,18}")

PARAMS, TEST = 0, -1
"""What stands beside iterations, which count from 1."""


class Marks:
    """Numbers that are appended to a file before what they stand for is logged.

    A mark survives its process however that ends. Before and not after: a point that is missing in
    a curve is a smaller evil than one that is there twice. A mark that cannot be written is none.

    Args:
        path: The file; its folder need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with reading(path) as file:
                lines = file.read().decode("ascii", errors="replace").split()
        except (OSError, CorruptFileError):
            lines = []
        self._numbers = {int(line) for line in lines if _NUMBER.fullmatch(line)}
        self.was_empty = not self._numbers

    def __contains__(self, number: object) -> bool:
        return number in self._numbers

    def add(self, number: int) -> None:
        """Mark something as logged."""
        self._numbers.add(number)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = open_regular(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            try:
                os.write(file, f"{number}\n".encode())
            finally:
                os.close(file)
        except OSError as error:
            log.debug("%s cannot be written: %s", self._path, error)
