"""Plots of a search: its values in their order, and how much each searched key matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

from autrainer.plotting.figures import DPI
from autrainer.plotting.theme import settings
from autrainer.runs.writing.files import write_bytes


def draw_history(
    path: Path,
    complete: Mapping[int, float],
    pruned: Mapping[int, float],
    *,
    metric: str,
    is_maximized: bool,
) -> None:
    """Write a plot of values over trials, with the best so far.

    Args:
        path: The PNG file.
        complete: Values of finished trials, by number; at least one.
        pruned: Last values of pruned trials, by number.
        metric: Name of the tracking metric.
        is_maximized: Whether larger values are better.

    Raises:
        OutputError: if the file cannot be written.
    """
    with _figure(path) as axes:
        numbers = sorted(complete)
        values = [complete[number] for number in numbers]
        axes.plot(numbers, values, "o", label="trial")
        if pruned:
            axes.plot(list(pruned), list(pruned.values()), "x", label="pruned, last value")
        best = list(accumulate(values, max if is_maximized else min))
        axes.step(numbers, best, where="post", label="best so far")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("trial")
        axes.set_ylabel(metric)
        axes.legend()


def draw_importances(path: Path, importances: Mapping[str, float], *, metric: str) -> None:
    """Write a plot of how much each key matters.

    Args:
        path: The PNG file.
        importances: Shares of 1, by key, the largest first.
        metric: Name of the tracking metric.

    Raises:
        OutputError: if the file cannot be written.
    """
    with _figure(path) as axes:
        names: Sequence[str] = list(importances)
        axes.barh(names, [importances[name] for name in names])
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xlabel(f"importance for {metric}")


def draw_front(
    path: Path, values: Mapping[int, Sequence[float]], best: Sequence[int], *, names: Sequence[str]
) -> None:
    """Write a plot of the two values of each trial, with the Pareto front.

    Args:
        path: The PNG file.
        values: Both values of finished trials, by number.
        best: Numbers of the trials of the front.
        names: Names of the two values.

    Raises:
        OutputError: if the file cannot be written.
    """
    with _figure(path) as axes:
        others = [values[number] for number in values if number not in best]
        front = sorted((*values[number], number) for number in best)
        if others:
            axes.plot(*zip(*others, strict=True), "o", label="trial")
        axes.plot(
            [each[0] for each in front], [each[1] for each in front], "s--", label="Pareto front"
        )
        for x, y, number in front:
            axes.annotate(str(number), (x, y), xytext=(5, 5), textcoords="offset points")
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        axes.legend()


@contextmanager
def _figure(path: Path) -> Iterator[Any]:
    """Axes to draw on; written at the end of the block."""
    import io

    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    look: Any = settings("notebook", "colorblind", {})
    with matplotlib.rc_context(look):
        figure = Figure(figsize=(8, 5), dpi=DPI)
        FigureCanvasAgg(figure)
        yield figure.subplots()
        figure.tight_layout()
        image = io.BytesIO()
        figure.savefig(image, format="png")
    write_bytes(path, image.getvalue())
