"""Results by configuration as a table."""

from __future__ import annotations

from typing import Any

from autrainer.postprocessing.report.results import Results
from autrainer.postprocessing.report.runs import Group, Runs
from autrainer.postprocessing.tables import Table
from autrainer.runs.record.metrics_table import is_score
from autrainer.runs.record.run_record import RunRecord
from autrainer.statistics.seeds import over_seeds


def summary_table(runs: Runs, results: Results) -> Table:
    """One row for each configuration: seeds, mean, SD and IQM of the score on the test set.

    Beside them the score of the run that is best on the dev set, with its interval.
    """
    return Table.of(
        [_row(group, runs, results) for group in runs.groups], first=["configuration", "seeds"]
    )


def _row(group: Group, runs: Runs, results: Results) -> dict[str, Any]:
    values = [_test_score(record, runs) for record in group.finished]
    scored = [value for value in values if value is not None]
    row: dict[str, Any] = {"configuration": group.label, "seeds": len(scored)}
    summary = over_seeds(scored) if scored else None
    for name in ("mean", "sd", "iqm"):
        row[f"test_{runs.metric}_{name}"] = getattr(summary, name, None)
    best = group.best(runs.metric, runs.direction)
    row["best_score"] = None if best is None else _test_score(best, runs)
    interval = None if best is None else results.intervals.get(str(best.folder))
    for name in ("low", "high"):
        row[f"best_{name}"] = getattr(interval, name, None)
    return row


def _test_score(record: RunRecord, runs: Runs) -> float | None:
    value = record.test.total(runs.metric) if runs.metric else None
    return value if value is not None and is_score(value) else None
