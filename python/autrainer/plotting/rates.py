"""Losses over rising learning rates, as an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autrainer.errors import ConfigError
from autrainer.plotting.figures import DPI
from autrainer.plotting.theme import settings
from autrainer.runs.writing.files import write_bytes

FILETYPES = ("png", "pdf", "svg")


def check_plot(path: str | Path) -> None:
    """Refuse a file that cannot be a plot.

    Raises:
        ConfigError: if its suffix is none of a plot.
    """
    if Path(path).suffix.removeprefix(".") not in FILETYPES:
        raise ConfigError(f"{path} is no file of a plot; end it with .{', .'.join(FILETYPES)}")


def draw_rates(
    path: str | Path,
    rates: Sequence[float],
    losses: Sequence[float],
    averages: Sequence[float],
    suggestion: float | None,
) -> None:
    """Write a plot of losses over learning rates.

    Args:
        path: The file; its suffix says what it is.
        rates: Learning rates, length S.
        losses: Losses of single batches, length S.
        averages: Moving averages of them, length S.
        suggestion: A rate to mark, or None.

    Raises:
        ConfigError: if the suffix is none of a plot.
        OutputError: if the file cannot be written.
    """
    import io

    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    check_plot(path)
    look: Any = settings("notebook", "colorblind", {})
    with matplotlib.rc_context(look):
        figure = Figure(figsize=(8, 5), dpi=DPI)
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.plot(rates, losses, alpha=0.35, label="loss of a batch")
        axes.plot(rates, averages, label="moving average")
        if suggestion is not None:
            axes.axvline(suggestion, linestyle="--", color="black", label=f"{suggestion:.2g}")
        axes.set_xscale("log")
        finite = [value for value in averages if math.isfinite(value)]
        # What has diverged would leave nothing to be seen of the rest.
        low, high = min(*finite, *losses), max(finite[0], sorted(finite)[len(finite) // 2])
        axes.set_ylim(low - 0.1 * (high - low or 1), high + 0.5 * (high - low or 1))
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.legend()
        figure.tight_layout()
        image = io.BytesIO()
        figure.savefig(image, format=Path(path).suffix.removeprefix("."))
    write_bytes(path, image.getvalue())
