"""The runs of a pool: which wait, which train, and how each ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autrainer.launching.messages import Ended, Progress


@dataclass
class Job:
    """A run that is to be trained.

    Args:
        number: Its number in the sweep.
        overrides: What sets it apart from the main configuration.
        directory: Its folder.
        composed: Composes its configuration, with the `hydra` node.
        progress: How far it has come, while it trains.
        begun_s: When it began, by `time.monotonic`.
        is_retried: It has run out of memory beside others, and is to be tried alone.
        was_stopped: The pool has asked it to stop.
        num_refused: How often its folder was in use when a worker tried it.
        num_lost: How often a worker was lost that trained it.
        result: How it ended.
    """

    number: int
    overrides: Sequence[str]
    directory: Path
    composed: Callable[[], Any]
    progress: Progress | None = None
    begun_s: float = 0.0
    is_retried: bool = False
    was_stopped: bool = False
    num_refused: int = 0
    num_lost: int = 0
    result: Ended | None = None
    _first: tuple[float, int] = field(default=(0.0, 0))

    def begin(self) -> None:
        """It is given to a worker."""
        self.begun_s, self.progress, self.result = time.monotonic(), None, None

    def advance(self, progress: Progress) -> None:
        """It has come so far."""
        if self.progress is None:
            self._first = (time.monotonic(), progress.initial - 1)
        self.progress = progress

    @property
    def seconds(self) -> float:
        """How long it has been at work."""
        return time.monotonic() - self.begun_s

    @property
    def seconds_left(self) -> float | None:
        """How much longer it trains, going by the iterations until now; None if none has ended."""
        progress, (since_s, _) = self.progress, self._first
        if progress is None or progress.iteration < progress.initial:
            return None
        done = progress.iteration - progress.initial + 1
        return (time.monotonic() - since_s) / done * (progress.last - progress.iteration)
