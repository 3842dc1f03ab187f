"""The log of a run: everything that is logged while it lasts, in one file."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from autrainer.runs.files import make_folder, unwritable

log = logging.getLogger(__name__)

FORMAT = "[%(asctime)s][%(levelname)s]\n%(message)s\n"
PACKAGE = "autrainer"


class LogFile:
    """Adds a file to what the root logger writes to, until it is closed.

    The package's own records of level INFO are let through, whatever the root logger's level. As
    long as the log is open the streams and files that others attached to the root logger use its
    format, so that a console reads like the log; where there is none, stderr is added.

    Args:
        path: The file. Records are added to what it holds.

    Raises:
        OutputError: naming the file, if it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        make_folder(path.parent)
        formatter = logging.Formatter(FORMAT)
        self._root = logging.getLogger()
        try:
            self._handler = _Handler(path, encoding="utf-8")
        except OSError as error:
            raise unwritable(path, error) from error
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


class _Handler(logging.FileHandler):
    """Writes records to a file; where it cannot, the other handlers are told so, once."""

    _has_told = False

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._tell(error)
        else:
            super().handleError(record)

    def close(self) -> None:
        # What could not be written before is tried again.
        try:
            super().close()
        except OSError as error:
            self._tell(error)

    def _tell(self, error: OSError) -> None:
        if not self._has_told:
            self._has_told = True
            reason = error.strerror or error
            log.error("%s cannot be written: %s; the run goes on", self.baseFilename, reason)


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
