"""How often something happens, after steps or time; and times with several units."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNITS_S = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class SaveInterval:
    """A number of steps or a time.

    Args:
        steps: After so many steps, or None.
        seconds: When so much time has passed, or None.
    """

    steps: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, value: object) -> SaveInterval | None:
        """From a number of steps, or a time such as `10 min`; None for anything else.

        >>> SaveInterval.of("1.5 h"), SaveInterval.of(100)
        (SaveInterval(steps=None, seconds=5400.0), SaveInterval(steps=100, seconds=None))
        """
        if isinstance(value, int) and not isinstance(value, bool):
            return cls(steps=value) if value >= 1 else None
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h)\s*", str(value))
        if match is None or float(match[1]) == 0:
            return None
        return cls(seconds=float(match[1]) * _UNITS_S[match[2]])


_DURATION = re.compile(
    r"\s*(?:(?P<d>\d+(?:\.\d+)?)\s*d)?\s*(?:(?P<h>\d+(?:\.\d+)?)\s*h)?"
    r"\s*(?:(?P<m>\d+(?:\.\d+)?)\s*m(?:in)?)?\s*(?:(?P<s>\d+(?:\.\d+)?)\s*s)?\s*"
)
_DURATION_UNITS_S = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def seconds_of(value: object) -> float | None:
    """Seconds of a time with units, days first; None for anything else, and for no time at all.

    >>> seconds_of("7h50m"), seconds_of("1d 12h"), seconds_of("1.5 min"), seconds_of(30)
    (28200.0, 129600.0, 90.0, None)
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    parts = match.groupdict(default="0")
    return sum(float(parts[unit]) * size for unit, size in _DURATION_UNITS_S.items()) or None
