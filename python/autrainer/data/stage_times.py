"""Where a loader spends its time."""

from __future__ import annotations

import threading
from time import perf_counter


class StageTimes:
    """Seconds per stage, summed over all threads that work for a loader."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}

    def mark(self, stage: str, since: float) -> float:
        """Add the time from a moment until now to a stage; returns now."""
        now = perf_counter()
        self.add(stage, now - since)
        return now

    def add(self, stage: str, seconds: float) -> None:
        """Add some seconds to a stage."""
        with self._lock:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds

    def seconds(self) -> dict[str, float]:
        """Seconds so far by stage."""
        with self._lock:
            return dict(self._seconds)

    def __getstate__(self) -> dict[str, float]:
        return self.seconds()

    def __setstate__(self, seconds: dict[str, float]) -> None:
        self._lock = threading.Lock()
        self._seconds = seconds
