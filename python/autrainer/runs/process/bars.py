"""Progress bars, on stderr or in a notebook, which end nothing if they cannot be shown."""

from __future__ import annotations

import os
import sys
from functools import cache
from time import monotonic
from typing import Any

from autrainer.runs.process.notebook import in_notebook
from autrainer.runs.process.streams import lenient

COLUMNS = 80
LINE_S = 60.0
"""Seconds between two lines of a log that say how far something is."""


def new_bar(**options: Any) -> Any:
    """A bar of tqdm on stderr; in a notebook with ipywidgets a bar of the notebook.

    It must not raise an error: tqdm would keep a lock that all bars of the process share, and the
    next bar of another thread would wait for it for ever.

    Args:
        options: Those of `tqdm.tqdm`. With `disable=None` nothing is shown where nobody watches:
            in the file that stderr may go to.
    """
    if in_notebook():
        options["disable"] = bool(options.get("disable"))
    if _has_no_size():
        # Such as of a container: a bar of no columns would be an empty line.
        options |= {"ncols": COLUMNS, "dynamic_ncols": False}
    return _bar_class()(file=lenient(sys.stderr), **options)


def counting_bar(title: str, total: int, unit: str, *, done: int = 0, every: int = 1) -> Any:
    """A bar that counts things; where nobody watches, lines: the first, one a minute, and the last.

    Args:
        title: What is being done.
        total: How many things there are.
        unit: What they are called.
        done: How many of them were done before.
        every: Things between two looks of the bar.

    Returns:
        What has `update(number)` and `close()`.
    """
    if not is_watched():
        return _Lines(title, total, unit, done)
    return new_bar(initial=done, total=total, desc=title, unit=unit, miniters=every)


class _Lines:
    """How far something is, in lines of a log."""

    def __init__(self, title: str, total: int, unit: str, done: int) -> None:
        self._title, self._total, self._unit, self._done = title, total, unit, done
        self._begun = self._written = monotonic()
        before = f", {done} done before" if done else ""
        self._write(f"{total} {unit}s{before}" if total != 1 else f"1 {unit}{before}")

    def update(self, number: int = 1) -> None:
        """Note that so many more are done."""
        self._done += number
        if monotonic() - self._written >= LINE_S and self._done < self._total:
            self._written = monotonic()
            self._write(f"{self._done} of {self._total}")

    def close(self) -> None:
        """Write the last line."""
        seconds = monotonic() - self._begun
        self._write(f"{self._done} of {self._total} done in {seconds:.1f} s")

    def _write(self, text: str) -> None:
        stream = lenient(sys.stderr)
        stream.write(f"{self._title}: {text}\n")
        stream.flush()


def _has_no_size() -> bool:
    """Whether stderr is a terminal that does not know how wide it is."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns == 0
    except (OSError, ValueError, AttributeError):
        return False


def is_watched() -> bool:
    """Whether bars are painted over: on a terminal, or in a notebook."""
    return in_notebook() or lenient(sys.stderr).isatty()


@cache
def _bar_class() -> Any:
    """A bar without its monitor, a thread that would outlive what it shows and its forks."""
    return type("Bar", (_notebook_class() or _terminal_class(),), {"monitor_interval": 0})


def _terminal_class() -> Any:
    from tqdm import tqdm

    return tqdm


def _notebook_class() -> Any:
    """The bar of a notebook; None where there is no notebook, or none that shows widgets."""
    if not in_notebook():
        return None
    try:
        import ipywidgets  # noqa: F401, tqdm would only find out when the first bar is made
        from tqdm.notebook import tqdm_notebook
    except ImportError:
        return None

    class NotebookBar(tqdm_notebook):  # type: ignore[type-arg]
        """A bar that leaves nothing behind where it is taken off: tqdm keeps 10 widgets of each."""

        def close(self) -> None:
            is_taken_off = not (self.disable or self.leave or (self.total and self.n < self.total))
            super().close()
            if is_taken_off:
                for widget in (self.container, *self.container.children):
                    for part in (widget.layout, getattr(widget, "style", None), widget):
                        if part is not None:
                            part.close()

    return NotebookBar
