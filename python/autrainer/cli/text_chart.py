"""A chart of characters, for terminals."""

from __future__ import annotations

import math
from collections.abc import Sequence


def text_chart(
    x: Sequence[float],
    y: Sequence[float],
    *,
    mark: float | None = None,
    width: int = 64,
    height: int = 12,
) -> list[str]:
    """Points over a logarithmic axis.

    Args:
        x: Positions, above 0, rising.
        y: Values; those that are not finite are left out.
        mark: A position that gets a line from top to bottom.
        width: Columns of the chart.
        height: Lines of the chart.

    Returns:
        Its lines, the axes included; none if there is nothing to show.
    """
    shown = [(math.log(a), b) for a, b in zip(x, y, strict=True) if math.isfinite(b)]
    if len(shown) < 2:
        return []
    low, high = min(b for _, b in shown), max(b for _, b in shown)
    first, last = shown[0][0], shown[-1][0]
    canvas = [[" "] * width for _ in range(height)]
    if mark is not None:
        column = _scaled(math.log(mark), first, last, width)
        for line in canvas:
            line[column] = "|"
    for a, b in shown:
        row = height - 1 - _scaled(b, low, high, height)
        canvas[row][_scaled(a, first, last, width)] = "*"
    labels = [f"{high:.4g}", *[""] * (height - 2), f"{low:.4g}"]
    margin = max(map(len, labels))
    lines = [
        f"{label:>{margin}} |{''.join(cells)}".rstrip()
        for label, cells in zip(labels, canvas, strict=True)
    ]
    begin, end = f"{x[0]:.1e}", f"{x[-1]:.1e}"
    gap = " " * max(width - len(begin) - len(end), 1)
    return [*lines, f"{'':>{margin}} +{'-' * width}", f"{'':>{margin}}  {begin}{gap}{end}"]


def _scaled(value: float, low: float, high: float, size: int) -> int:
    """The cell that a value falls into."""
    share = (value - low) / (high - low) if high > low else 0.0
    return min(max(round(share * (size - 1)), 0), size - 1)
