"""Margins are as narrow as texts allow, and alike for plots of like values."""

import matplotlib
import pytest

from autrainer.plotting.figures import stacked_figure
from autrainer.plotting.margins import fit_axes
from autrainer.plotting.theme import settings

SIZE = (10.0, 5.0)
VALUES = {
    "scores": [0.12, 0.5, 0.93],
    "large": [12_000.0, 900.0, 88.0],
    "with a power": [3.1e-7, 2.2e-7, 9e-8],
    "negative": [-1.5, 0.25, -0.75],
    "constant": [0.5, 0.5, 0.5],
}


def drawn(values, size=SIZE, title="a_run_1", xlabel="epoch", ylabel="loss"):
    """A figure, and all texts that stand on it, drawn within the style."""
    with matplotlib.rc_context(settings("notebook", "colorblind", {})):
        figure, (axes,) = stacked_figure(size, 1)
        axes.plot(range(1, len(values) + 1), values)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        text = axes.set_title(title, loc="left", fontsize="small")
        yield figure, axes, text
        figure.canvas.draw()
        yield [axes.xaxis.label, axes.yaxis.label, text]


def boxes(axes, texts):
    """Where texts are on a figure that has been drawn: labels, title, and what is at the ticks."""
    ticks = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.yaxis.get_offset_text()]
    shown = [text for text in (*texts, *ticks) if text.get_text() and text.get_visible()]
    extents = {text.get_text(): text.get_window_extent() for text in shown}
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    # matplotlib makes a tick beyond either end, which it does not draw.
    for axis, low, high in ((axes.xaxis, left, right), (axes.yaxis, bottom, top)):
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                extents.pop(tick.label1.get_text(), None)
    return extents


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("title", ["", "a_run_1"])
def test_all_texts_are_on_the_figure_and_none_on_another(values, title):
    steps = drawn(values, title=title)
    figure, axes, text = next(steps)
    fit_axes(axes, text)
    found = list(boxes(axes, next(steps)).items())
    for name, box in found:
        assert box.x0 >= 0, name
        assert box.y0 >= 0, name
        assert box.y1 <= figure.bbox.height, name
        assert box.x1 <= figure.bbox.width, name
    overlapping = [
        (name, other)
        for position, (name, box) in enumerate(found)
        for other, beside in found[:position]
        if box.overlaps(beside)
    ]
    # The first ticks of both axes may come near each other, as always.
    assert [pair for pair in overlapping if not all(part[0].isdigit() for part in pair)] == []


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_margins_are_about_those_of_tight_layout(values):
    steps = drawn(values)
    figure, axes, text = next(steps)
    figure.tight_layout()
    tight = axes.get_position().extents
    fit_axes(axes, text)
    assert axes.get_position().extents == pytest.approx(tight, abs=0.035)


def test_margins_do_not_depend_on_digits():
    found = []
    for values in ([0.12, 0.5, 0.93], [0.17, 0.44, 0.88]):
        _, axes, text = next(drawn(values))
        fit_axes(axes, text)
        found.append(axes.get_position().extents.tolist())
    assert found[0] == found[1]


def test_a_figure_that_is_too_small_for_its_texts_has_the_margins_of_the_style():
    _, axes, text = next(drawn([1e-9, 123456.5], size=(0.4, 0.3)))
    fit_axes(axes, text)
    box = axes.get_position()
    assert 0 < box.width < 1
    assert 0 < box.height < 1
