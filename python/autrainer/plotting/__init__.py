"""Plots of runs. Importing this package imports nothing else, and none of it matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autrainer.plotting.base import PlotBase
    from autrainer.plotting.metrics import PlotMetrics

__all__ = ["PlotBase", "PlotMetrics"]

_HOMES = {"PlotBase": "autrainer.plotting.base", "PlotMetrics": "autrainer.plotting.metrics"}


def __getattr__(name: str) -> Any:
    """Import what a public name needs when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'autrainer.plotting' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
