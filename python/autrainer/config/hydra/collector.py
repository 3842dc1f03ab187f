"""Keeps the garbage collector quiet while libraries are imported.

Hundreds of thousands of objects come into being then, and none of them goes away again.
"""

from __future__ import annotations

import gc

# Added to the collector's threshold: the state is kept where it belongs, in the collector.
_PAUSE = 1_000_000_000


def pause_collector() -> None:
    """Start no collections until `resume_collector`."""
    youngest, *older = gc.get_threshold()
    if youngest < _PAUSE:
        gc.set_threshold(youngest + _PAUSE, *older)


def resume_collector() -> None:
    """Collect again; what is there by now is never looked at. Does nothing without a pause."""
    youngest, *older = gc.get_threshold()
    if youngest >= _PAUSE:
        gc.freeze()
        # Finds nothing, and forgets how much there was before: the collector waits for a quarter
        # of that before it looks at old objects again.
        gc.collect()
        gc.set_threshold(youngest - _PAUSE, *older)


class collecting:
    """Within a pause, collect while the block runs: it leaves garbage behind, and much of it."""

    # Importing `contextlib` takes 2.6 ms of the 16 that `autrainer --version` took with it.
    def __enter__(self) -> None:
        self._is_paused = gc.get_threshold()[0] >= _PAUSE
        resume_collector()

    def __exit__(self, *_: object) -> None:
        if self._is_paused:
            # Not to be frozen with what is imported next.
            gc.collect()
            pause_collector()
