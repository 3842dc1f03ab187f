"""Means and standard deviations over the runs of a group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autrainer.errors import DataError
from autrainer.postprocessing.directions import SPREAD
from autrainer.runs.record.metrics_table import ITERATION, MetricsTable
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.record.scores import TOTAL, Scores
from autrainer.runs.record.times import Times
from autrainer.runs.timer import Timer


def mean(values: Iterable[float]) -> float:
    """Mean of the values that are numbers; NaN if none is."""
    numbers = [value for value in values if not math.isnan(value)]
    return math.fsum(numbers) / len(numbers) if numbers else math.nan


def spread(values: Iterable[float]) -> float:
    """Sample standard deviation of the values that are numbers; 0 if there are fewer than two."""
    numbers = [value for value in values if not math.isnan(value)]
    if len(numbers) < 2:
        return 0.0
    middle = mean(numbers)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in numbers) / (len(numbers) - 1))


def averaged_table(tables: Sequence[MetricsTable]) -> MetricsTable:
    """Means of all columns over the iterations that all tables have, then their deviations.

    Iterations that only some runs have would be averaged over other runs than those before.

    Raises:
        DataError: if the columns differ, or there is no iteration in common.
    """
    names = tables[0].names
    for table in tables:
        if set(table.names) != set(names):
            differing = sorted(set(table.names) ^ set(names))
            message = f"the runs have different metrics: only some have {', '.join(differing)}"
            raise DataError(message)
    shared = [n for n in tables[0].iterations if all(n in table.iterations for table in tables)]
    if not shared:
        raise DataError("the runs have no iteration in common")
    rows = [[table.row(iteration) for table in tables] for iteration in shared]
    columns = {name: [mean(row[name] for row in at) for at in rows] for name in names}
    columns |= {
        f"{name}{SPREAD}": [spread(row[name] for row in at) for at in rows] for name in names
    }
    return MetricsTable(shared, columns)


def averaged_scores(scores: Sequence[Scores]) -> dict[str, Any]:
    """Means of every score, and its deviation under `<entry>.std`; of an iteration only the mean.

    Raises:
        DataError: if the runs have different metrics.
    """
    names = list(scores[0].parts)
    for each in scores:
        if set(each.parts) != set(names):
            differing = sorted(set(each.parts) ^ set(names))
            message = f"the runs have different metrics: only some have {', '.join(differing)}"
            raise DataError(message)
    content: dict[str, Any] = {}
    for name in names:
        parts = [each.parts[name] for each in scores]
        entries = dict.fromkeys(entry for part in parts for entry in part)
        values = {entry: [part[entry] for part in parts if entry in part] for entry in entries}
        content[name] = {entry: mean(listed) for entry, listed in values.items()}
        content[name] |= {f"{entry}{SPREAD}": spread(listed) for entry, listed in values.items()}
    iterations = [each.iteration for each in scores if each.iteration is not None]
    if iterations:
        content[ITERATION] = {TOTAL: mean(map(float, iterations))}
    return content


def averaged_times(records: Sequence[RunRecord]) -> dict[str, dict[str, str | float]]:
    """Means of the times of every timer, as `timer.yaml` has them."""
    names = dict.fromkeys(name for record in records for name in record.timers)
    return {
        name: _times([record.timers[name] for record in records if name in record.timers])
        for name in names
    }


def _times(times: Sequence[Times]) -> dict[str, str | float]:
    mean_s, total_s = mean(each.mean_s for each in times), mean(each.total_s for each in times)
    return {
        "mean": Timer.pretty_time(mean_s),
        "mean_seconds": mean_s,
        "total": Timer.pretty_time(total_s),
        "total_seconds": total_s,
    }


def table_as_csv(table: MetricsTable) -> str:
    """The table as `metrics.csv` has it: the columns, then `iteration`."""
    from autrainer.postprocessing.tables import Table

    rows: list[Mapping[str, Any]] = [
        {**values, ITERATION: iteration} for iteration, values in table.rows()
    ]
    return Table.of(rows, [*table.names, ITERATION]).to_csv()
