"""Drawings as SVG: colours are those of the style sheet, so that they suit light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autrainer.postprocessing.report.markup import Html, joined, number, tag

COLOURS = 7
"""Of the style sheet; further lines have the same colours, dashed otherwise."""
WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 14, 30
LOG_FROM = 1000
"""Ratio of largest and smallest value from which a chart is logarithmic."""
CLOSE = 0.2
"""Share of the distance of two ticks by which an axis grows to reach one."""
DASHES = (None, "6 3", "2 3")


@dataclass(frozen=True)
class Curve:
    """A line with a band around it.

    Args:
        series: Number of the series, for its colour.
        x: Positions.
        middle: The line.
        low: Lower edge of the band.
        high: Upper edge.
    """

    series: int
    x: Sequence[float]
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


class Axes:
    """A frame with ticks, and where values lie in it.

    Args:
        x: Least and largest position.
        y: The same upwards.
        is_log: Whether heights are logarithms; all values are positive then.
    """

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], *, is_log: bool = False
    ) -> None:
        self.is_log = is_log
        self.x, self.y = _widened(*x), _to_ticks(*_widened(*map(self._height, y)))

    def _height(self, value: float) -> float:
        return math.log10(value) if self.is_log else value

    def across(self, value: float) -> float:
        """Position of a value from the left."""
        low, high = self.x
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def down(self, value: float) -> float:
        """Position of a value from above."""
        low, high = self.y
        return (
            HEIGHT - BOTTOM - (self._height(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        )

    def path(self, x: Sequence[float], y: Sequence[float]) -> str:
        """Points of a line."""
        pairs = zip(x, y, strict=True)
        return " ".join(f"{self.across(a):.1f},{self.down(b):.1f}" for a, b in pairs)

    def frame(self, x_label: str, *, whole: bool = False) -> Html:
        """Grid, ticks and the label below."""
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = []
        for tick in ticks(*self.y):
            if self.is_log and tick != int(tick):
                continue
            value = 10**tick if self.is_log else tick
            y = f"{self.down(value):.1f}"
            parts.append(tag("line", x1=LEFT, x2=right, y1=y, y2=y, class_="grid"))
            parts.append(tag("text", short(value), x=LEFT - 5, y=y, dy=4, text_anchor="end"))
        for value in ticks(*self.x):
            if whole and value != int(value):
                continue
            x = f"{self.across(value):.1f}"
            parts.append(tag("text", short(value), x=x, y=bottom + 14, text_anchor="middle"))
        middle = (LEFT + right) / 2
        parts.append(tag("text", x_label, x=middle, y=HEIGHT - 3, text_anchor="middle"))
        return joined(parts)


def curves(name: str, drawn: Sequence[Curve], x_label: str) -> Html:
    """Curves over iterations."""
    finite = [v for c in drawn for part in (c.low, c.high) for v in part if math.isfinite(v)]
    x = [v for curve in drawn for v in curve.x]
    is_log = min(finite) > 0 and max(finite) > LOG_FROM * min(finite)
    axes = Axes((min(x), max(x)), (min(finite), max(finite)), is_log=is_log)
    parts = [axes.frame(x_label, whole=True)]
    if is_log:
        parts.append(tag("text", "log scale", x=WIDTH - RIGHT, y=HEIGHT - 3, text_anchor="end"))
    for curve in drawn:
        edge = axes.path([*curve.x, *reversed(curve.x)], [*curve.high, *reversed(curve.low)])
        band = tag("polygon", points=edge, class_="band") if curve.low != curve.high else ""
        line = tag("polyline", points=axes.path(curve.x, curve.middle), class_="line")
        if len(curve.x) == 1:
            at = {"cx": f"{axes.across(x[0]):.1f}", "cy": f"{axes.down(curve.middle[0]):.1f}"}
            line = tag("circle", r=3, class_="dot", **at)
        parts.append(tag("g", band, line, **series(curve.series)))
    scale = f"{axes.x[0]:g} {axes.x[1]:g} {LEFT} {WIDTH - RIGHT}"
    return picture(name, *parts, data_chart=name, data_scale=scale)


def scatter(name: str, truth: Sequence[float], prediction: Sequence[float]) -> Html:
    """Predictions over truths, and the line on which they would be equal."""
    low, high = min(*truth, *prediction), max(*truth, *prediction)
    axes = Axes((low, high), (low, high))
    line = tag("polyline", points=axes.path([low, high], [low, high]), class_="equal")
    dots = joined(
        tag("circle", cx=f"{axes.across(a):.0f}", cy=f"{axes.down(b):.0f}", r=2)
        for a, b in zip(truth, prediction, strict=True)
    )
    return picture(name, axes.frame("truth"), line, tag("g", dots, class_="s s0 points"))


def strip(values: Sequence[float], low: float, high: float) -> Html:
    """All values as dots on a line."""
    span = (high - low) or 1.0
    at = [6 + (value - low) / span * 108 for value in values]
    dots = joined(tag("circle", cx=f"{x:.1f}", cy=8, r=4) for x in at)
    base = tag("line", x1=2, x2=118, y1=8, y2=8, class_="grid")
    return tag(
        "svg", base, tag("g", dots, class_="s s0 points"), viewBox="0 0 120 16", class_="strip",
        role="img", aria_label=", ".join(map(number, values)),
    )  # fmt: skip


def whisker(score: float, ends: tuple[float, float], scale: tuple[float, float]) -> Html:
    """A score and its interval on a scale."""
    low, high = scale
    span = (high - low) or 1.0
    left, middle, right = (f"{6 + (v - low) / span * 148:.1f}" for v in (ends[0], score, ends[1]))
    return tag(
        "svg",
        tag("line", x1=2, x2=158, y1=8, y2=8, class_="grid"),
        tag("line", x1=left, x2=right, y1=8, y2=8, class_="whisker"),
        tag("circle", cx=middle, cy=8, r=4, class_="dot"),
        viewBox="0 0 160 16", class_="strip wide", role="img",
        aria_label=f"{number(score)}, from {number(ends[0])} to {number(ends[1])}",
    )  # fmt: skip


def shares(parts: Sequence[float]) -> Html:
    """Shares of a whole as one bar, each in the colour of its number."""
    drawn, left = [], 0.0
    for place, share in enumerate(parts):
        width = 200 * share
        drawn.append(
            tag("rect", x=f"{left:.1f}", y=1, width=f"{width:.1f}", height=12, class_=f"f{place}")
        )
        left += width
    return tag("svg", *drawn, viewBox="0 0 200 14", class_="bar", aria_hidden="true")


def series(place: int) -> dict[str, str | int | None]:
    """Attributes of what belongs to a series."""
    dash = DASHES[place // COLOURS % len(DASHES)]
    return {
        "class_": f"s s{place % COLOURS}", "data_s": place, "stroke_dasharray": dash
    }  # fmt: skip


def picture(name: str, *parts: Html, **attributes: str) -> Html:
    """A drawing with a name for those who do not see it."""
    size = f"0 0 {WIDTH} {HEIGHT}"
    return tag("svg", *parts, viewBox=size, class_="chart", role="img", aria_label=name,
               **attributes)  # fmt: skip


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers between two."""
    rough = (high - low) / 5
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough)
    first = math.ceil(low / step - 1e-9)
    count = int((high - first * step) / step + 1e-9)
    return [(first + n) * step for n in range(count + 1)]


def short(value: float) -> str:
    """A tick: `0.25`, `1e-05`."""
    return f"{value:.4g}" if value else "0"


def _to_ticks(low: float, high: float) -> tuple[float, float]:
    """The same, grown to the next tick where one is close."""
    at = ticks(low, high)
    if len(at) < 2:
        return low, high
    step = at[1] - at[0]
    below, above = at[0] - step, at[-1] + step
    reach = CLOSE * step
    return below if low - below <= reach else low, above if above - high <= reach else high


def _widened(low: float, high: float) -> tuple[float, float]:
    if high > low:
        return low, high
    margin = abs(low) * 0.1 or 1.0
    return low - margin, high + margin
