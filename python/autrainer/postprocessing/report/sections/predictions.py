"""What the best runs predict: confusion matrices, counts by label, scatter plots."""

from __future__ import annotations

from typing import Any

import numpy as np

from autrainer.postprocessing.report.drawings import scatter
from autrainer.postprocessing.report.labels import label_counts
from autrainer.postprocessing.report.markup import Html, joined, table, tag
from autrainer.postprocessing.report.outputs import SampleOutputs
from autrainer.postprocessing.report.results import Results

MOST_MATRICES = 4
MOST_LABELS = 20
MOST_DOTS = 400
DEPTHS = ((2, 0.73), (1, 0.6))
"""Shares of a row above which the text of a cell takes the colour of the background: in the light
above the first, in the dark above the second. There both colours have the same contrast."""
AXES = {
    "labels": "rows: truth, columns: prediction",
    "sets": "each label by itself",
    "values": "prediction over truth",
}


def predictions_section(results: Results) -> Html:
    """Confusion matrices of labels, counts of each label of sets, scatter plots of values."""
    figures = [
        tag("figure", tag("figcaption", best.label, tag("span", AXES[best.outputs.kind])), drawn)
        for best in results.best[:MOST_MATRICES]
        if (drawn := _drawn(best.outputs)) is not None
    ]
    is_wide = any(best.outputs.kind == "sets" for best in results.best)
    return tag("div", *figures, class_="wide" if is_wide else "charts") if figures else Html("")


def _drawn(outputs: SampleOutputs) -> Html | None:
    if outputs.kind == "labels":
        return _confusion(outputs)
    if outputs.kind == "sets":
        return _by_label(outputs)
    if outputs.kind == "values" and outputs.truth.ndim == 1:
        step = max(1, -(-len(outputs.truth) // MOST_DOTS))
        sides = outputs.truth[::step].tolist(), outputs.prediction[::step].tolist()
        return scatter("predictions over truths", *sides)
    return None


def _confusion(outputs: SampleOutputs) -> Html | None:
    labels = np.unique(np.concatenate([outputs.truth, outputs.prediction]))
    if len(labels) > MOST_LABELS:
        return tag("p", f"{len(labels)} labels are too many for a matrix.", class_="note")
    truth, prediction = (np.searchsorted(labels, s) for s in (outputs.truth, outputs.prediction))
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(counts, (truth, prediction), 1)
    rows = []
    for label, row in zip(labels.tolist(), counts.tolist(), strict=True):
        total = max(1, sum(row))
        cells = [
            tag("td", n or "", class_="h", style=f"--h:{n / total:.2f}" if n else None,
                data_d=_depth(n / total)) for n in row
        ]  # fmt: skip
        rows.append(tag("tr", tag("th", label, scope="row"), *cells))
    head = tag(
        "tr", Html("<td></td>"), *(tag("th", label, scope="col") for label in labels.tolist())
    )
    matrix = tag("table", tag("thead", head), tag("tbody", *rows), class_="matrix")
    return tag("div", matrix, class_="scroll", tabindex="0")


def _depth(heat: float) -> int | None:
    return next((depth for depth, least in DEPTHS if heat > least), None)


def _by_label(outputs: SampleOutputs) -> Html:
    """Of each label how often it is there and how often it is found, the most frequent first."""
    counted = sorted(label_counts(outputs), key=lambda each: -each.true)
    heading: list[Any] = ["Label", "True", "Found", "Missed", "False alarms", "Neither"]
    heading += ["Precision", "Recall", "F1"]
    rows = [
        [c.label, c.true, c.hits, c.missed, c.false_alarms, c.neither, c.precision, c.recall, c.f1]
        for c in counted[:MOST_LABELS]
    ]
    parts = [table(heading, rows)]
    if len(counted) > MOST_LABELS:
        told = f"The {MOST_LABELS} most frequent of {len(counted)} labels."
        parts.append(tag("p", told, class_="note"))
    return joined(parts)
