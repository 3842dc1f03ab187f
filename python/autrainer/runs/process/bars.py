"""Progress bars on stderr, which end nothing if they cannot be shown."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from autrainer.runs.process.streams import lenient


def new_bar(**options: Any) -> Any:
    """A bar of tqdm on stderr.

    It must not raise an error: tqdm would keep a lock that all bars of the process share, and the
    next bar of another thread would wait for it for ever.

    Args:
        options: Those of `tqdm.tqdm`.
    """
    return _bar_class()(file=lenient(sys.stderr), **options)


@cache
def _bar_class() -> Any:
    """A bar without its monitor, a thread that would outlive what it shows and its forks."""
    from tqdm import tqdm

    return type("Bar", (tqdm,), {"monitor_interval": 0})
