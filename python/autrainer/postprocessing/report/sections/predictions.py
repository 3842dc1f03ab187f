"""What the best runs predict: confusion matrices, counts by label, scatter plots."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from autrainer.postprocessing.report.drawings import scatter
from autrainer.postprocessing.report.labels import label_counts
from autrainer.postprocessing.report.markup import Html, joined, table, tag
from autrainer.postprocessing.report.outputs import SampleOutputs
from autrainer.postprocessing.report.results import Best, Results

MOST_MATRICES = 4
MOST_LABELS = 20
MOST_DOTS = 400
MOST_TARGETS = 6
MOST_ERRORS = 12
TARGET_OF = "target_"
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
        tag("figure", tag("figcaption", name, tag("span", AXES[best.outputs.kind])), drawn)
        for best in results.best[:MOST_MATRICES]
        for name, drawn in _drawn(best)
    ]
    is_wide = any(best.outputs.kind == "sets" for best in results.best)
    return tag("div", *figures, class_="wide" if is_wide else "charts") if figures else Html("")


def _drawn(best: Best) -> list[tuple[str, Html]]:
    """Drawings of a run with their names: one, or one of each target of regression."""
    outputs = best.outputs
    if outputs.kind == "labels":
        return [(best.label, _confusion(outputs))]
    if outputs.kind == "sets":
        return [(best.label, _by_label(outputs))]
    step = max(1, -(-len(outputs.truth) // MOST_DOTS))
    sides = [side[::step] for side in (outputs.truth, outputs.prediction)]
    if outputs.truth.ndim == 1:
        return [(best.label, _scatter(*sides))]
    names = [n.removeprefix(TARGET_OF) for n in outputs.columns if n.startswith(TARGET_OF)]
    if len(names) != outputs.truth.shape[1]:
        names = [f"target {place}" for place in range(1, outputs.truth.shape[1] + 1)]
    return [
        (f"{best.label}, {name}", _scatter(*(side[:, place] for side in sides)))
        for place, name in enumerate(names[:MOST_TARGETS])
    ]


def _scatter(truth: Any, prediction: Any) -> Html:
    return scatter("predictions over truths", truth.tolist(), prediction.tolist())


def _confusion(outputs: SampleOutputs) -> Html:
    labels = np.unique(np.concatenate([outputs.truth, outputs.prediction]))
    if len(labels) > MOST_LABELS:
        return _confused_most(outputs, len(labels))
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


def _confused_most(outputs: SampleOutputs, num_labels: int) -> Html:
    """The most frequent errors, where there are too many labels for a matrix."""
    sides = list(zip(outputs.truth.tolist(), outputs.prediction.tolist(), strict=True))
    errors = Counter(pair for pair in sides if pair[0] != pair[1])
    totals = Counter(truth for truth, _ in sides)
    rows = [[a, b, n, n / totals[a]] for (a, b), n in errors.most_common(MOST_ERRORS)]
    told = f"{num_labels} labels are too many for a matrix; the most frequent errors:"
    heading = ["Truth", "Prediction", "Samples", "Share of the truth"]
    return joined([tag("p", told, class_="note"), table(heading, rows)])


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
