"""The logs of a run: everything that is logged while it lasts, in files of its folder."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from autrainer.runs.writing.files import make_folder, unwritable
from autrainer.runs.writing.opening import open_regular

log = logging.getLogger(__name__)

FORMAT = "[%(asctime)s][%(levelname)s]\n%(message)s\n"
PACKAGE = "autrainer"
FILE_ALONE = "autrainer_file_alone"
"""Attribute of records that go to the log of a run and not to the screen."""

_warned: ContextVar[set[str] | None] = ContextVar("warned_in_this_sweep", default=None)


@contextlib.contextmanager
def one_sweep() -> Iterator[None]:
    """Within the block, what `warn_once_a_sweep` says twice is on the screen once."""
    token = _warned.set(set())
    try:
        yield
    finally:
        _warned.reset(token)


def warn_once_a_sweep(logger: logging.Logger, message: str) -> None:
    """Warn of what all runs of a sweep have in common: each has it in its log, the screen once."""
    warned = _warned.get()
    is_repeated = warned is not None and message in warned
    if warned is not None:
        warned.add(message)
    logger.warning(message, extra={FILE_ALONE: is_repeated})


def _is_for_screens(record: logging.LogRecord) -> bool:
    return not getattr(record, FILE_ALONE, False)


class LogFile:
    """Adds a file to what the root logger writes to, until it is closed.

    The package's own records of level INFO are let through, whatever the root logger's level. As
    long as the log is open the streams and files that others attached to the root logger use its
    format, so that a console reads like the log; where there is none, stderr is added.

    Whoever opens it holds the lock of the folder, so the log of the job that lies beside it
    (`JobLog`) begins too.

    Args:
        path: The file. Records are added to what it holds.

    Raises:
        OutputError: naming the file, if it cannot be opened, or is a link, a pipe or a device.
    """

    def __init__(self, path: Path) -> None:
        make_folder(path.parent)
        formatter = logging.Formatter(FORMAT)
        self._root = logging.getLogger()
        try:
            self._handler = _Handler(path, encoding="utf-8")
        except OSError as error:
            raise unwritable(path, error) from error
        for handler in self._root.handlers:
            if isinstance(handler, JobLog) and Path(handler.baseFilename).parent == path.parent:
                handler.begin()
        self._added: list[logging.Handler] = [self._handler]
        if not self._root.handlers:
            self._added.append(logging.StreamHandler(sys.stderr))
        self._borrowed = [
            (handler, handler.formatter)
            for handler in self._root.handlers
            # Not their subclasses: those of test runners and progress bars know what they do.
            if type(handler) in (logging.StreamHandler, logging.FileHandler, JobLog)
        ]
        for handler in [*self._added, *(handler for handler, _ in self._borrowed)]:
            handler.setFormatter(formatter)
        for handler in self._added:
            self._root.addHandler(handler)
        self._screens = [
            handler for handler in self._root.handlers if type(handler) is logging.StreamHandler
        ]
        for screen in self._screens:
            screen.addFilter(_is_for_screens)
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
        for screen in self._screens:
            screen.removeFilter(_is_for_screens)
        for handler in self._added:
            self._root.removeHandler(handler)
            handler.close()
        for handler, formatter in self._borrowed:
            handler.setFormatter(formatter)
        if self._added:
            self._package.setLevel(self._level)
        self._added, self._borrowed = [], []


class _Handler(logging.FileHandler):
    """Writes records to a file; where it cannot, the other handlers report that, once."""

    _has_reported = False

    def _open(self) -> Any:
        how = os.O_TRUNC if "w" in self.mode else os.O_APPEND
        file = open_regular(self.baseFilename, os.O_WRONLY | os.O_CREAT | how)
        return os.fdopen(file, self.mode, encoding=self.encoding, errors=self.errors)

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._report(error)
        else:
            super().handleError(record)

    def close(self) -> None:
        # What could not be written before is tried again.
        try:
            super().close()
        except OSError as error:
            self._report(error)

    def _report(self, error: OSError) -> None:
        if not self._has_reported:
            self._has_reported = True
            reason = error.strerror or error
            log.error("%s cannot be written: %s; the run goes on", self.baseFilename, reason)


class JobLog(_Handler):
    """The log that Hydra keeps of a job, in the run folder: nothing is written before that is ours.

    Hydra sets up the logs of a job before the job begins, so before it is known whether another
    process works on the folder. What is logged meanwhile is kept, and dropped if that is so.

    Args:
        filename: As of `logging.FileHandler`, like the others.
        mode: `a` or `w`.
        encoding: Of the file.
        delay: Not needed: the file is opened by `begin`.
        errors: How characters are written that the encoding lacks.
    """

    def __init__(
        self,
        filename: str,
        mode: str = "a",
        encoding: str | None = None,
        delay: bool = True,
        errors: str | None = None,
    ) -> None:
        super().__init__(filename, mode, encoding, delay=True, errors=errors)
        self._waiting: list[logging.LogRecord] = []
        self._has_begun = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or keep it until the run begins."""
        if not self._has_begun:
            self._waiting.append(record)
        elif self.stream is not None:
            super().emit(record)

    def begin(self) -> None:
        """Open the file and write what has been logged; where that fails, the log says so once."""
        if self._has_begun:
            return
        self._has_begun = True
        try:
            self.stream = self._open()
        except OSError as error:
            self._report(error)
        for record in self._waiting:
            self.emit(record)
        self._waiting.clear()


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
