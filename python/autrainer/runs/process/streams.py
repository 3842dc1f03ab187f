"""Standard streams that may be closed, full or gone: no run ends because of them."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class LenientStream:
    """A stream for what is good to know: if it cannot be written, it is not.

    Args:
        stream: The stream; None stands for one that was closed before this process began.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, or not; returns its length."""
        try:
            self._stream.write(text)
        except UNWRITABLE:
            return len(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts, or not."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what is held back, or not."""
        try:
            self._stream.flush()
        except UNWRITABLE:
            return

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        try:
            return bool(self._stream.isatty())
        except UNWRITABLE:
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


# It is closed, here or by whoever started this process; a disk is full; the reader has gone.
UNWRITABLE = (OSError, ValueError, AttributeError)


def lenient(stream: Any) -> LenientStream:
    """A stream to which nothing has to be written."""
    return stream if isinstance(stream, LenientStream) else LenientStream(stream)


def open_standard_streams() -> None:
    """Open those that are closed: the next file would take their number, and what is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
