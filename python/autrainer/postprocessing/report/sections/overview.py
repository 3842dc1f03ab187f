"""Sections about the runs: the table, seeds, curves, waiting, failures, configurations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autrainer.postprocessing.report.drawings import Curve, curves, series, shares, strip
from autrainer.postprocessing.report.markup import Html, Shown, joined, number, one_line, table, tag
from autrainer.postprocessing.report.runs import Group, Runs, dev_score
from autrainer.runs.record.metrics_table import is_score
from autrainer.runs.record.run_record import RunRecord
from autrainer.statistics.bootstrap import Interval
from autrainer.statistics.seeds import FEWEST_FOR_IQM, over_seeds

MOST_CURVES = 12
MOST_POINTS = 60
MOST_GROUPS = 30
MOST_KEYS = 24
KEYS_OF_TABLE = 5
"""So many fit on a sheet of paper."""

MOST_FAILED = 20
LAST_LINES = 8
LONGEST = 400
STAGES = ("data", "transfer", "forward_and_backward", "evaluation", "outputs_and_states", "other")


def runs_table(runs: Runs, intervals: dict[str, Interval]) -> Html:
    """The table of all runs, to sort and filter.

    Args:
        runs: The runs.
        intervals: Of the score on the test set, by folder.
    """
    name = runs.metric or "metric"
    heading = ["Run", "State", "Best at", f"{name}, dev", f"{name}, test", "Interval", "Time"]
    rows = []
    for record in runs.records:
        found = intervals.get(str(record.folder))
        test = record.test.total(runs.metric) if runs.metric else None
        rows.append(
            [
                tag("span", runs.label(record), title=record.folder),
                tag("span", record.state.kind, class_=f"state {record.state.kind}"),
                record.best_iteration,
                dev_score(record, runs.metric),
                _score(test),
                "" if found is None else ends(found),
                None if record.seconds is None else Shown(record.seconds, _time(record.seconds)),
            ]
        )
    filtering = tag(
        "p",
        tag("label", "Filter ", Html('<input type="search" id="filter" autocomplete="off">')),
        tag("span", id="shown", aria_live="polite"),
        class_="needs-js",
    )
    return joined([filtering, table(heading, rows, id="runs")])


def ends(interval: Interval) -> str:
    """Both ends of an interval."""
    if math.isnan(interval.low):
        return "" if math.isnan(interval.score) else "none"
    return f"{number(interval.low)} to {number(interval.high)}"


def seeds_table(runs: Runs) -> Html:
    """Scores over seeds: how many, mean, deviation, all of them, interquartile mean."""
    name = runs.metric
    found = []
    for group in runs.groups[:MOST_GROUPS]:
        values = [_test_or_dev(record, name) for record in group.finished]
        scored = [value for value in values if value is not None]
        if scored:
            found.append((group, over_seeds(scored)))
    if not found:
        return Html("")
    low = min(min(summary.values) for _, summary in found)
    high = max(max(summary.values) for _, summary in found)
    has_iqm = any(summary.iqm is not None for _, summary in found)
    scale = one_line(f"All, {number(low)} to {number(high)}")
    heading = ["Configuration", "Seeds", "Mean", "SD", scale]
    rows: list[list[Any]] = [
        [g.label, len(s.values), s.mean, s.sd, strip(s.values, low, high), s.iqm] for g, s in found
    ]
    if has_iqm:
        return table([*heading, f"IQM, from {FEWEST_FOR_IQM} seeds"], rows)
    return table(heading, [row[:-1] for row in rows])


def curves_section(runs: Runs) -> tuple[Html, dict[str, Any]]:
    """Curves over the iterations, the mean of each group with a band from least to largest.

    Returns:
        The drawings, and their numbers by chart for the line that tells them.
    """
    groups = [group for group in runs.groups if any(len(r.metrics) for r in group.records)]
    shown = groups[:MOST_CURVES]
    names = [name for name in (runs.metric, "train_loss", "dev_loss") if name is not None]
    charts, data = [], {}
    for name in names:
        drawn = [c for place, g in enumerate(shown) if (c := _curve(place, g, name)) is not None]
        if drawn:
            unit = shown[0].records[0].training_type
            title = tag("figcaption", name, tag("span", class_="readout"))
            charts.append(tag("figure", title, curves(name, drawn, unit)))
            data[name] = [[c.series, c.x, [float(f"{v:.4g}") for v in c.middle]] for c in drawn]
    if not charts:
        return Html(""), {}
    boxes = joined(_box(place, group.label) for place, group in enumerate(shown))
    note = cut(len(groups), MOST_CURVES, "configurations are drawn, the best on the dev set")
    legend = tag("div", boxes, class_="legend")
    return joined([legend, tag("div", *charts, class_="charts"), note]), data


def _box(place: int, label: str) -> Html:
    attributes = series(place)
    swatch = tag(
        "svg",
        tag("line", x1=1, x2=23, y1=6, y2=6, class_="line"),
        viewBox="0 0 24 12",
        class_=f"swatch {attributes['class_']}",
        stroke_dasharray=attributes["stroke_dasharray"],
        aria_hidden="true",
    )
    box = Html(f'<input type="checkbox" checked class="needs-js" data-series="{place}">')
    return tag("label", box, swatch, label)


def _curve(place: int, group: Group, name: str) -> Curve | None:
    at: dict[int, list[float]] = {}
    for record in group.records:
        metrics = record.metrics
        column = metrics.columns.get(name, [])
        for iteration, value in zip(metrics.iterations, column, strict=False):
            if is_score(value):
                at.setdefault(iteration, []).append(value)
    if not at:
        return None
    x = _thinned(sorted(at))
    middle = [math.fsum(at[i]) / len(at[i]) for i in x]
    return Curve(place, x, middle, [min(at[i]) for i in x], [max(at[i]) for i in x])


def _thinned(x: Sequence[int]) -> list[int]:
    if len(x) <= MOST_POINTS:
        return list(x)
    places = (round(n * (len(x) - 1) / (MOST_POINTS - 1)) for n in range(MOST_POINTS))
    return [x[place] for place in places]


def waiting_section(runs: Runs) -> Html:
    """What the runs waited for, the mean shares of each group."""
    rows = []
    for group in runs.groups[:MOST_GROUPS]:
        found = [s for r in group.records if (s := _shares(r)) is not None]
        if found:
            means = [math.fsum(column) / len(found) for column in zip(*found, strict=True)]
            percents = [f"{100 * share:.0f} %" for share in means]
            rows.append([group.label, shares(means), *percents])
    if not rows:
        return Html("")
    heads = [one_line(tag("i", class_=f"key f{n}"), _words(name)) for n, name in enumerate(STAGES)]
    return table(["Configuration", "Shares", *heads], rows)


def _shares(record: RunRecord) -> list[float] | None:
    told = record.stages.get("shares")
    if not isinstance(told, dict):
        return None
    values = [told.get(name, 0.0) for name in STAGES]
    if not all(isinstance(value, int | float) and 0 <= value <= 1 for value in values):
        return None
    return [float(value) for value in values]


def failed_section(runs: Runs) -> Html:
    """Runs that have not finished and are not running, with the last lines of error and log."""
    failed = [r for r in runs.records if not (r.state.is_finished or r.state.is_running)]
    parts = []
    for record in failed[:MOST_FAILED]:
        lines = record.error_text.rstrip().splitlines() or record.log_tail(LAST_LINES)
        shown = "\n".join(line[:LONGEST] for line in lines[-LAST_LINES:])
        parts.append(tag("h3", f"{runs.label(record)}: {record.state.kind}"))
        parts.append(tag("p", str(record.state)[:LONGEST]))
        parts.append(tag("pre", shown or "Nothing was written down.", tabindex="0"))
    return joined([*parts, cut(len(failed), MOST_FAILED, "runs are shown")]) if parts else Html("")


def differences_section(runs: Runs) -> Html:
    """Values of the configurations that are not the same in all."""
    if not runs.differing:
        return Html("")
    keys = list(runs.differing)[:MOST_KEYS]
    groups = runs.groups[:MOST_GROUPS]
    tables = []
    for first in range(0, len(keys), KEYS_OF_TABLE):
        some = keys[first : first + KEYS_OF_TABLE]
        rows = [
            [group.label, *(_shown(runs.differing[key][place]) for key in some)]
            for place, group in enumerate(groups)
        ]
        tables.append(table(["Configuration", *some], rows))
    return joined([*tables, cut(len(runs.differing), MOST_KEYS, "keys are shown")])


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _shown(value: Any) -> str:
    return "" if value is None else str(value)[:80]


def cut(total: int, most: int, what: str) -> Html:
    """How many of all are shown, if not all."""
    return tag("p", f"{most} of {total} {what}.", class_="note") if total > most else Html("")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _score(value: float | None) -> float | None:
    return value if value is not None and is_score(value) else None


def _test_or_dev(record: RunRecord, name: str | None) -> float | None:
    test = record.test.total(name) if name else None
    value = test if test is not None else dev_score(record, name)
    return value if value is not None and math.isfinite(value) and is_score(value) else None
