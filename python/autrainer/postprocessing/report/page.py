"""The page: sections, style and script in one file that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autrainer import __version__
from autrainer.data.messages import counted
from autrainer.postprocessing.report.datasets import Datasets
from autrainer.postprocessing.report.markup import Html, embedded, joined, tag
from autrainer.postprocessing.report.results import Results
from autrainer.postprocessing.report.runs import Runs
from autrainer.postprocessing.report.sections.comparisons import (
    comparison_section,
    datasets_section,
)
from autrainer.postprocessing.report.sections.hardest import hardest_section
from autrainer.postprocessing.report.sections.overview import (
    curves_section,
    differences_section,
    failed_section,
    runs_table,
    seeds_table,
    waiting_section,
)
from autrainer.postprocessing.report.sections.predictions import predictions_section
from autrainer.postprocessing.report.sections.strata import strata_section

STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "media-src 'self' file:"
)


def page(title: str, runs: Runs, results: Results, datasets: Datasets, folder: Path) -> str:
    """The HTML of a report.

    Args:
        title: What it is about.
        runs: The runs.
        results: What their outputs give.
        datasets: Methods over several datasets.
        folder: Where the report will lie: links to files of samples start there.
    """
    drawings, data = curves_section(runs)
    sections = [
        ("Runs", runs_table(runs, results.intervals)),
        ("Over seeds", seeds_table(runs)),
        ("Curves", drawings),
        ("Best runs compared", comparison_section(results, runs.metric)),
        ("Several datasets", datasets_section(datasets, runs.metric)),
        ("Predictions on the test set", predictions_section(results)),
        ("Strata", strata_section(results, runs.metric)),
        ("Hardest samples", hardest_section(results, folder)),
        ("Where the time went", waiting_section(runs)),
        ("Runs that have not finished", failed_section(runs)),
        ("What the configurations differ in", differences_section(runs)),
        ("Left out", _left_out(results)),
    ]
    body = joined(_section(n, *each) for n, each in enumerate(sections) if each[1])
    labels = [group.label for group in runs.groups]
    return _document(
        title, joined([_header(title, runs), body]), {"labels": labels, "charts": data}
    )


def _section(place: int, heading: str, content: Html) -> Html:
    return tag("section", tag("h2", heading), content, id=f"section-{place}")


def _header(title: str, runs: Runs) -> Html:
    kinds = [record.state.kind for record in runs.records]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    better = "more" if runs.direction == "max" else "less"
    num_runs, num_groups = counted(len(kinds), "run"), counted(len(runs.groups), "configuration")
    told = f"{num_runs} ({counts}), {num_groups} beside the seed."
    if runs.metric:
        told += f" Tracking metric: {runs.metric}; {better} is better."
    if others := runs.other_metrics:
        names = ", ".join(dict.fromkeys(others))
        told += f" {len(others)} of them track another one ({names}): their {runs.metric} is shown."
    return tag("header", tag("h1", title), tag("p", told))


def _left_out(results: Results) -> Html:
    reasons: dict[str, list[str]] = {}
    for name, reason in results.unused.items():
        reasons.setdefault(reason, []).append(name)
    lines = [
        tag("li", f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {reason}")
        for reason, names in list(reasons.items())[:20]
    ]
    if not lines:
        return Html("")
    return joined([tag("p", "Runs without intervals, tests and predictions:"), tag("ul", *lines)])


def _document(title: str, body: Html, data: dict[str, Any]) -> str:
    head = joined(
        [
            Html('<meta charset="utf-8">'),
            tag("title", title),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
            Html('<meta name="color-scheme" content="light dark">'),
            Html(f"<style>{STYLE.read_text(encoding='utf-8')}</style>"),
        ]
    )
    end = joined(
        [
            tag("footer", f"Made by autrainer {__version__}."),
            Html(f'<script type="application/json" id="data">{embedded(data)}</script>'),
            Html(f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"),
        ]
    )
    whole = f'<html lang="en"><head>{head}</head><body><main>{body}</main>{end}</body></html>'
    return f"<!DOCTYPE html>\n{whole}\n"
