"""The log of a run: everything that is logged while it lasts, in one file."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

FORMAT = "[%(asctime)s][%(levelname)s]\n%(message)s\n"
PACKAGE = "autrainer"


class LogFile:
    """Adds a file to what the root logger writes to, until it is closed.

    The package's own records of level INFO are let through, whatever the root logger's level. As
    long as the log is open the streams and files that others attached to the root logger use its
    format, so that a console reads like the log; where there is none, stderr is added.

    Args:
        path: The file. Records are added to what it holds.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        formatter = logging.Formatter(FORMAT)
        self._root = logging.getLogger()
        self._handler = logging.FileHandler(path, encoding="utf-8")
        self._added: list[logging.Handler] = [self._handler]
        if not self._root.handlers:
            self._added.append(logging.StreamHandler(sys.stderr))
        self._borrowed = [
            (handler, handler.formatter)
            for handler in self._root.handlers
            # Not their subclasses: those of test runners and progress bars know what they do.
            if type(handler) in (logging.StreamHandler, logging.FileHandler)
        ]
        for handler in [*self._added, *(handler for handler, _ in self._borrowed)]:
            handler.setFormatter(formatter)
        for handler in self._added:
            self._root.addHandler(handler)
        self._package = logging.getLogger(PACKAGE)
        self._level = self._package.level
        if self._package.getEffectiveLevel() > logging.INFO:
            self._package.setLevel(logging.INFO)

    def write(self, message: str, level: int = logging.INFO) -> None:
        """Write a message to the file alone."""
        record = logging.LogRecord(PACKAGE, level, "", 0, message, None, None)
        self._handler.handle(record)

    def close(self) -> None:
        """Close the file and leave the root logger as it was found; may be called again."""
        for handler in self._added:
            self._root.removeHandler(handler)
            handler.close()
        for handler, formatter in self._borrowed:
            handler.setFormatter(formatter)
        if self._added:
            self._package.setLevel(self._level)
        self._added, self._borrowed = [], []


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep what is printed and logged while the block runs off the screen and out of the log."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
