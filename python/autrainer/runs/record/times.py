"""Times of a run, as `timer.yaml` has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Times:
    """What a timer has measured.

    Args:
        mean_s: Mean seconds of a period; those of all where only they are known.
        total_s: Seconds of all periods.
    """

    mean_s: float
    total_s: float

    @classmethod
    def of(cls, entry: Any) -> Times | None:
        """Times of an entry; None if it holds something else."""
        if not isinstance(entry, Mapping):
            return None
        total_s: Any = entry.get("total_seconds")
        mean_s: Any = entry.get("mean_seconds", total_s)
        return (
            cls(float(mean_s), float(total_s)) if _is_time(mean_s) and _is_time(total_s) else None
        )


def _is_time(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 <= value < math.inf


def time_in_words(seconds: float | None) -> str:
    """Seconds as `12.3 s`, or `1:02:05` from a minute on; nothing for none.

    >>> time_in_words(59.94), time_in_words(3725.2)
    ('59.9 s', '1:02:05')
    """
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
