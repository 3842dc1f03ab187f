"""How many cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""What the second version of control groups grants to a container: `200000 100000` is two cores."""


def available_cores(quota: Path = QUOTA) -> int:
    """Cores that the system lets this process use, at least one.

    Less than the machine has, where a batch system or a container has set a limit.
    """
    cores = _of_affinity()
    granted = _of_quota(quota)
    return max(1, cores if granted is None else min(cores, granted))


def _of_affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _of_quota(path: Path) -> int | None:
    try:
        time_us, period_us = path.read_text().split()
        return int(time_us) // int(period_us)
    except (OSError, ValueError, ZeroDivisionError):
        # There is none, or it is `max`.
        return None
