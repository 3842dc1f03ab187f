"""Address of the plots in existing projects; they live in `autrainer.plotting`."""

from autrainer.plotting import PlotBase, PlotMetrics

__all__ = ["PlotBase", "PlotMetrics"]
