"""Margins of a figure with one pair of axes, from the sizes of its texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.text import Text

PAD = 1.08
"""Between texts and the edge of the figure, in font sizes; that of `Figure.tight_layout`."""

_DIGITS = re.compile(r"\d")
_LINE = "lp"
"""As high as any letter, as in matplotlib's own texts."""


def fit_axes(axes: Axes, title: Text) -> None:
    """Fit axes and their labels to the figure, as `Figure.tight_layout` does with more measuring.

    Ticks are taken to lie at the ends of the axes and all digits to be equally wide, so that plots
    of like values have equal margins. A figure that is too small for its texts has those of the
    style.

    Args:
        axes: The only pair of the figure; with labels at its left and below it.
        title: Over the axes at the left.
    """
    from matplotlib import rcParams

    rc: Any = rcParams
    figure: Any = axes.figure
    points = figure.dpi / 72
    width, height = figure.canvas.get_width_height()
    pad = PAD * rc["font.size"] * points
    of_x, of_y = _Ticks(axes.xaxis, points), _Ticks(axes.yaxis, points)
    # A power of ten stands at the end of the y axis; a title is put above it.
    over = 1.3 * _height(axes.yaxis.get_offset_text()) if of_y.has_power else of_y.height / 2
    if title.get_text():
        over += _height(title) + rc["axes.titlepad"] * points
    left = pad + _of_label(axes.yaxis, points) + of_y.width + of_y.pad
    right = width - pad - of_x.width / 2
    bottom = pad + _of_label(axes.xaxis, points) + of_x.height + of_x.pad
    top = height - pad - over
    if right <= left:
        left, right = (width * rc[f"figure.subplot.{side}"] for side in ("left", "right"))
    if top <= bottom:
        bottom, top = (height * rc[f"figure.subplot.{side}"] for side in ("bottom", "top"))
    figure.subplots_adjust(
        left=left / width, right=right / width, bottom=bottom / height, top=top / height
    )
    # Left to itself, matplotlib measures all texts at the ticks for the places of the labels.
    beside = of_y.width + of_y.pad + axes.yaxis.labelpad * points
    below = of_x.height + of_x.pad + axes.xaxis.labelpad * points
    axes.yaxis.set_label_coords(-beside / (right - left), 0.5)
    axes.xaxis.set_label_coords(0.5, -below / (top - bottom))


class _Ticks:
    """Sizes of what stands at the ticks of an axis, in pixels."""

    def __init__(self, axis: Axis, points: float) -> None:
        texts = {_DIGITS.sub("0", text.get_text()) for text in axis.get_majorticklabels()}
        self.has_power = bool(axis.get_major_formatter().get_offset())
        tick: Any = axis.get_major_ticks(1)[0]
        self.width = max((_measured(tick.label1, text)[0] for text in texts), default=0.0)
        self.height = _height(tick.label1)
        self.pad = (tick.get_pad() + tick.get_tick_padding()) * points


def _of_label(axis: Axis, points: float) -> float:
    """Height of the label of an axis and of what separates it from the ticks; 0 without one."""
    label = axis.get_label()
    return _height(label) + axis.labelpad * points if label.get_text() else 0.0


def _height(text: Text) -> float:
    return _measured(text, _LINE)[1]


def _measured(text: Text, content: str) -> tuple[float, float]:
    """Width and height of a line in the letters of a text, in pixels."""
    figure: Any = text.get_figure()
    renderer = figure.canvas.get_renderer()
    properties = text.get_fontproperties()
    width, height, _ = renderer.get_text_width_height_descent(content, properties, ismath=False)
    return width, height
