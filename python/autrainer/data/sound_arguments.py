"""What `AudioFileHandler` takes, checked without torch."""

from __future__ import annotations

import math
from typing import Any

from autrainer.errors import ConfigError


def check_sound_arguments(target_sample_rate: Any, offset: Any, duration: Any) -> None:
    """Look at arguments of `AudioFileHandler`; see there.

    Raises:
        ConfigError: naming the first one that makes no sense, and what is allowed.
    """
    rate = target_sample_rate
    is_count = isinstance(rate, int) and not isinstance(rate, bool)
    if rate is not None and not (is_count and 0 < rate < 2**31):
        raise ConfigError(
            f"AudioFileHandler: target_sample_rate is {rate!r}; use a positive integer in Hz, "
            "or null to keep the rate of each file"
        )
    _check_seconds("offset", offset)
    if duration is not None:
        _check_seconds("duration", duration)


def _check_seconds(name: str, seconds: Any) -> None:
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not math.isfinite(seconds) or seconds < 0:
        raise ConfigError(
            f"AudioFileHandler: {name} is {seconds!r}; use a number of seconds from 0 on"
        )
