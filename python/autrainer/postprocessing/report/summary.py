"""Results by configuration as a table for papers: CSV and LaTeX."""

from __future__ import annotations

from typing import Any

from autrainer.postprocessing.report.results import Results
from autrainer.postprocessing.report.runs import Group, Runs
from autrainer.postprocessing.tables import Table
from autrainer.runs.record.metrics_table import is_score
from autrainer.statistics.seeds import over_seeds

_SIGNS = {
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def summary_table(runs: Runs, results: Results) -> Table:
    """One row for each configuration: seeds, mean, SD and IQM of the score on the test set.

    Beside them the score of the run that is best on the dev set, with its interval.
    """
    return Table.of(
        [_row(group, runs, results) for group in runs.groups], first=["configuration", "seeds"]
    )


def _row(group: Group, runs: Runs, results: Results) -> dict[str, Any]:
    values = [record.test.total(runs.metric) for record in group.finished if runs.metric]
    scored = [value for value in values if value is not None and is_score(value)]
    row: dict[str, Any] = {"configuration": group.label, "seeds": len(scored)}
    summary = over_seeds(scored) if scored else None
    for name in ("mean", "sd", "iqm"):
        row[f"test_{runs.metric}_{name}"] = getattr(summary, name, None)
    best = group.best(runs.direction)
    interval = None if best is None else results.intervals.get(str(best.folder))
    for name in ("score", "low", "high"):
        row[f"best_{name}"] = getattr(interval, name, None)
    return row


def as_latex(table: Table) -> str:
    """The table as a `tabular` that needs no package; numbers with three decimals."""
    columns = "l" + "r" * (len(table.names) - 1)
    lines = [[_escaped(name) for name in table.names]]
    lines += [[_cell(row.get(name)) for name in table.names] for row in table.rows]
    body = [" & ".join(line) + r" \\" for line in lines]
    begin, end = rf"\begin{{tabular}}{{{columns}}}", r"\end{tabular}"
    return "\n".join([begin, r"\hline", body[0], r"\hline", *body[1:], r"\hline", end, ""])


def _cell(value: Any) -> str:
    if value is None:
        return "--"
    return f"{value:.3f}" if isinstance(value, float) else _escaped(str(value))


def _escaped(text: str) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in text)
