"""Figures that are drawn on again: making axes and their ticks takes longer than drawing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 300
SIDES = ("left", "right", "bottom", "top", "wspace", "hspace")


def stacked_figure(size: tuple[float, float], rows: int) -> tuple[Figure, list[Axes]]:
    """A figure with pairs of axes under each other, in the style that is set.

    Args:
        size: Width and height in inches.
        rows: Number of pairs.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=DPI)
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, squeeze=False).flat)


class Figures:
    """Figures of one style, by their number of pairs of axes; what is drawn next replaces the last.

    A figure that comes back is as a new one, so plots do not depend on those before them.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Figure, list[Axes]]] = {}

    def keep(self, rows: int, figure: Figure, all_axes: list[Axes]) -> None:
        """Take a figure that was drawn on lines, bands and a legend only."""
        self._kept[rows] = (figure, all_axes)

    def draw(self) -> None:
        """Draw what is on them, for nobody to see: fonts and letters are ready then."""
        for figure, _ in self._kept.values():
            figure.canvas.draw()

    def has(self, figure: Figure) -> bool:
        """Whether a figure is one of these."""
        return any(figure is kept for kept, _ in self._kept.values())

    def emptied(self, rows: int) -> tuple[Figure, list[Axes]] | None:
        """A figure that was kept, without what was drawn on it; use it in the style it was made in.

        None if there is none, or if somebody has cleared it or added to it.
        """
        import matplotlib

        figure, all_axes = self._kept.get(rows, (None, []))
        if figure is None or figure.axes != all_axes:
            self._kept.pop(rows, None)
            return None
        rc: Any = matplotlib.rcParams
        figure.subplots_adjust(**{side: rc[f"figure.subplot.{side}"] for side in SIDES})
        for axes in all_axes:
            _empty(axes)
        return figure, all_axes


def _empty(axes: Axes) -> None:
    legend = axes.get_legend()
    for artist in (*axes.lines, *axes.collections, *([] if legend is None else [legend])):
        artist.remove()
    axes.set_title("", loc="left")
    axes.set_prop_cycle(None)
    axes.relim()
    axes.set_xlim(0, 1, auto=True)
    axes.set_ylim(0, 1, auto=True)
