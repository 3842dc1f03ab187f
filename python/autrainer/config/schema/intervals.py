"""How often something happens: after so many steps, or when so much time has passed."""

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
