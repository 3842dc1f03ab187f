"""What a logger has logged, on disk: whoever goes on after an interruption logs nothing twice."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)

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
            lines = path.read_text(encoding="ascii", errors="replace").split()
        except OSError:
            lines = []
        self._numbers = {int(line) for line in lines if line.lstrip("-").isdecimal()}
        self.was_empty = not self._numbers

    def __contains__(self, number: object) -> bool:
        return number in self._numbers

    def add(self, number: int) -> None:
        """Mark something as logged."""
        self._numbers.add(number)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="ascii") as file:
                file.write(f"{number}\n")
        except OSError as error:
            log.debug("%s cannot be written: %s", self._path, error)
