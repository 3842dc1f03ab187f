"""Plots of runs. Importing this package does not import matplotlib; drawing does."""

from autrainer.plotting.base import PlotBase
from autrainer.plotting.metrics import PlotMetrics

__all__ = ["PlotBase", "PlotMetrics"]
