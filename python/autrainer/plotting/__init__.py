"""Plots of runs. Names of this package are imported when they are asked for; matplotlib to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autrainer.plotting.base import PlotBase
    from autrainer.plotting.metrics import PlotMetrics

__all__ = ["PlotBase", "PlotMetrics"]

_HOMES = {"PlotBase": "autrainer.plotting.base", "PlotMetrics": "autrainer.plotting.metrics"}


def __getattr__(name: str) -> Any:
    """Import what a public name needs when it is first asked for."""
    import importlib

    if name in ("base", "metrics"):
        # Modules that were imported with this one once.
        return importlib.import_module(f"autrainer.plotting.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'autrainer.plotting' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
