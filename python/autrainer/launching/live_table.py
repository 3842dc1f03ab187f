"""What a terminal shows of the runs that train at once: a table that is drawn again and again."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

from autrainer.launching.jobs import Job
from autrainer.runs.process.streams import lenient
from autrainer.runs.record.times import time_in_words

DRAW_EVERY_S = 0.5
HEADING = ("run", "state", "iteration", "metric", "time left")
LONGEST_NAME = 60


class LiveTable:
    """The table; without a terminal, or where it is disabled, there is none.

    Args:
        stream: Where it is drawn; by default stderr, as bars are.
        is_shown: Draw it, if the stream is a terminal.

    Attributes:
        is_shown: Whether it is drawn.
    """

    def __init__(self, stream: Any = None, *, is_shown: bool = True) -> None:
        self._stream = lenient(sys.stderr if stream is None else stream)
        self.is_shown = is_shown and self._stream.isatty()
        self._num_lines = 0
        self._drawn_s = 0.0

    def draw(self, jobs: Sequence[Job], footer: str, *, now: bool = False) -> None:
        """Draw it, unless that was done a moment ago.

        Args:
            jobs: The runs that train.
            footer: Stands below.
            now: Draw it in any case.
        """
        now_s = time.monotonic()
        if not self.is_shown or (now_s - self._drawn_s < DRAW_EVERY_S and not now):
            return
        self.clear()
        self._drawn_s = now_s
        width = shutil.get_terminal_size().columns
        lines = [line[: width - 1] for line in [*table_of(jobs), footer]]
        self._num_lines = len(lines)
        self._stream.write("".join(f"{line}\n" for line in lines))
        self._stream.flush()

    def clear(self) -> None:
        """Take it off the screen, so that something else can be printed."""
        if self._num_lines:
            # Up to its first line, and everything below is erased.
            self._stream.write(f"\x1b[{self._num_lines}F\x1b[J")
            self._stream.flush()
            self._num_lines = 0


def table_of(jobs: Sequence[Job]) -> list[str]:
    """A line for each of these runs, below a heading."""
    rows = [HEADING, *map(_row, jobs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(job: Job) -> tuple[str, ...]:
    name, progress = job.directory.name, job.progress
    if len(name) > LONGEST_NAME:
        # What sets runs apart stands at the end most often: the seed.
        name = f"…{name[1 - LONGEST_NAME :]}"
    if progress is None:
        return (name, "stopping" if job.was_stopped else "starting", "", "", "")
    state = "stopping" if job.was_stopped else "training"
    if progress.iteration >= progress.last:
        state = "finishing"
    value = "" if progress.value is None else f"{progress.metric} {progress.value:.4f}"
    return (
        name,
        state,
        f"{progress.iteration}/{progress.last}",
        value,
        time_in_words(job.seconds_left),
    )
