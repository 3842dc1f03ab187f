"""The numbers of a report as tables for papers: CSV and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autrainer.postprocessing.report.datasets import Datasets
from autrainer.postprocessing.report.labels import label_counts
from autrainer.postprocessing.report.results import Results
from autrainer.postprocessing.report.runs import Runs
from autrainer.postprocessing.report.summary import summary_table
from autrainer.postprocessing.tables import Table
from autrainer.statistics.bootstrap import Interval
from autrainer.statistics.strata import SMALL

INTERVAL = ("low", "high", "samples", "groups")
P_VALUES = ("p", "p_holm")
COLUMNS = {
    "strata": ("configuration", "stratum", "score", *INTERVAL, "warning"),
    "gaps": ("configuration", "worst", "best", "gap", *INTERVAL),
    "tests": ("first", "second", "difference", *P_VALUES, "samples", "groups", "exact"),
    "datasets": ("method",),
    "dataset_tests": ("first", "second", "datasets", "mean_difference", *P_VALUES),
    "labels": (
        *("configuration", "label", "true", "hits", "missed", "false_alarms", "neither"),
        *("precision", "recall", "f1"),
    ),
}


def result_tables(runs: Runs, results: Results, datasets: Datasets) -> dict[str, Table]:
    """All tables by name, each with its columns even if it has no rows.

    `configurations` has results over seeds and of the best runs; the others are about best runs:
    `strata` and the `gaps` between worst and best, paired `tests` on one test set, the counts of
    `labels` of label sets. `datasets` has mean scores of methods, `dataset_tests` their tests.
    """
    rows = {
        "strata": _strata(results),
        "gaps": _gaps(results),
        "tests": _tests(results),
        "datasets": ({"method": name, **found} for name, found in datasets.scores.items()),
        "dataset_tests": _dataset_tests(datasets),
        "labels": _labels(results),
    }
    made = {name: Table.of(found, first=COLUMNS[name]) for name, found in rows.items()}
    return {"configurations": summary_table(runs, results), **made}


def _strata(results: Results) -> Iterator[dict[str, Any]]:
    for best in results.best:
        report = results.strata(best)
        for each in report.strata if report is not None else ():
            row: dict[str, Any] = {"configuration": best.label, "stratum": each.name}
            row |= {"score": each.interval.score} | _interval(each.interval)
            yield row | {"warning": f"fewer than {SMALL} samples" if each.is_small else None}


def _gaps(results: Results) -> Iterator[dict[str, Any]]:
    for best in results.best:
        report = results.strata(best)
        if report is not None and report.gap is not None:
            gap = report.gap
            row: dict[str, Any] = {"configuration": best.label, "worst": gap.worst}
            yield row | {"best": gap.best, "gap": gap.interval.score} | _interval(gap.interval)


def _interval(interval: Interval) -> dict[str, Any]:
    values = interval.low, interval.high, interval.num_samples, interval.num_groups
    return dict(zip(INTERVAL, values, strict=True))


def _tests(results: Results) -> Iterator[dict[str, Any]]:
    for each in results.comparisons:
        test = each.test
        values = each.first.label, each.other.label, test.difference, test.p_value, each.adjusted
        counts = len(each.first.outputs.truth), test.num_groups, "yes" if test.is_exact else "no"
        yield dict(zip(COLUMNS["tests"], (*values, *counts), strict=True))


def _dataset_tests(datasets: Datasets) -> Iterator[dict[str, Any]]:
    for pair in datasets.pairs:
        values = pair.first, pair.second, pair.num_datasets, pair.mean_difference
        p_values = pair.p_value, pair.adjusted
        yield dict(zip(COLUMNS["dataset_tests"], (*values, *p_values), strict=True))


def _labels(results: Results) -> Iterator[dict[str, Any]]:
    for best in results.best:
        for each in label_counts(best.outputs) if best.outputs.kind == "sets" else ():
            names = COLUMNS["labels"][1:]
            yield {"configuration": best.label, **{name: getattr(each, name) for name in names}}
