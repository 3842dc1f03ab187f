"""How long a command may take: a run that is still training then stops, as by a signal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_begun_s: float | None = None
_limit_s: float | None = None


class TimeLimit(int):
    """What has stopped a run, in the place of a signal.

    Its number is that of the alarm clock of POSIX, so the exit code is 142 on every system.
    """

    name = "max_duration"


TIME_LIMIT = TimeLimit(14)


@contextmanager
def one_command(elapsed_s: float = 0.0, limit_s: float | None = None) -> Iterator[None]:
    """Within the block the time of all runs counts from its beginning.

    Args:
        elapsed_s: How long ago the command began, in another process.
        limit_s: Seconds after which a run stops whose configuration sets no limit; None for never.
    """
    global _begun_s, _limit_s
    before = _begun_s, _limit_s
    _begun_s, _limit_s = time.monotonic() - elapsed_s, limit_s
    try:
        yield
    finally:
        _begun_s, _limit_s = before


def elapsed_s() -> float:
    """How long ago the command began."""
    return 0.0 if _begun_s is None else time.monotonic() - _begun_s


def usual_limit_s() -> float | None:
    """The limit of the command for runs whose configuration sets none."""
    return _limit_s


def deadline_s(duration_s: float | None) -> float | None:
    """When so much time has passed since the command began, or since now where there is none.

    Args:
        duration_s: Seconds, or None for the limit of the command, if it has one.

    Returns:
        A time of `time.monotonic`, or None.
    """
    duration_s = _limit_s if duration_s is None else duration_s
    if duration_s is None:
        return None
    return (time.monotonic() if _begun_s is None else _begun_s) + duration_s
