"""Sections that compare: the best runs on one test set, methods over several datasets."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from autrainer.postprocessing.report.datasets import Datasets
from autrainer.postprocessing.report.drawings import whisker
from autrainer.postprocessing.report.markup import Html, joined, number, one_line, table, tag
from autrainer.postprocessing.report.outputs import SampleOutputs
from autrainer.postprocessing.report.results import MOST_COMPARED, Results
from autrainer.postprocessing.report.sections.overview import cut, ends
from autrainer.statistics.bootstrap import RESAMPLES, Interval
from autrainer.statistics.wilcoxon import smallest_p_value

MOST_METHODS = 12
MOST_PAIRS = 30
SIGNIFICANT = 0.05


def comparison_section(results: Results, metric: str | None) -> Html:
    """The best run of each configuration with its interval, and tested against the best of all."""
    shown = results.best[:MOST_COMPARED]
    intervals = [(b, results.intervals.get(str(b.record.folder))) for b in shown]
    known = [(best, interval) for best, interval in intervals if interval is not None]
    if not known:
        return Html("")
    scale = reach(interval for _, interval in known)
    tests = {each.other.label: each for each in results.comparisons}
    rows = []
    for best, interval in known:
        found = tests.get(best.label)
        row: list[Any] = [best.label, interval.score, ends(interval), drawn(interval, scale)]
        row += [interval.num_samples, interval.num_groups]
        row += [None, None] if found is None else [found.test.difference, found.adjusted]
        rows.append(row)
    scaled = one_line(f"{number(scale[0])} to {number(scale[1])}")
    heading = ["Best run of", f"{metric}, test", f"{100 * known[0][1].level:g} % interval", scaled]
    heading += ["Samples", "Groups", "First minus this", "p, by Holm"]
    note = tag("p", _how(known[0][0].outputs), class_="note")
    return joined(
        [table(heading, rows), cut(len(results.best), MOST_COMPARED, "runs are shown"), note]
    )


def reach(intervals: Iterable[Interval]) -> tuple[float, float]:
    """From the least to the largest of all scores and ends."""
    of_all = [v for i in intervals for v in (i.low, i.score, i.high) if not math.isnan(v)]
    return (min(of_all), max(of_all)) if of_all else (0.0, 1.0)


def drawn(interval: Interval, scale: tuple[float, float]) -> Html:
    """An interval on a scale; where there is none, the score alone."""
    if math.isnan(interval.score):
        return Html("")
    low, high = (interval.score if math.isnan(v) else v for v in (interval.low, interval.high))
    return whisker(interval.score, (low, high), scale)


def _how(outputs: SampleOutputs) -> str:
    column = outputs.group_column
    units = f"all samples of one {column}" if column else "single samples"
    if outputs.is_share:
        intervals = "Wilson's interval of a share"
        if column:
            intervals += (
                f" of as many independent samples as tell as much ({units} belong together)"
            )
    else:
        intervals = f"percentiles of {RESAMPLES} bootstrap resamples of {units}; none where a "
        intervals += "score is the same in all of them, such as that of a run without any error"
    return (
        f"Intervals: {intervals}. p: paired permutation test of the first run on the same test set "
        f"against this one, exchanging {units}; two-sided, adjusted by Holm. The "
        "runs are chosen on the dev set. All of this is about these runs on this test set, and not "
        "about other seeds."
    )


def datasets_section(datasets: Datasets, metric: str | None) -> Html:
    """Methods over several datasets: their scores, and a test of each pair."""
    if not datasets.pairs:
        return Html("")
    methods = list(datasets.scores.items())[:MOST_METHODS]
    rows = [[method, *map(found.get, datasets.names)] for method, found in methods]
    scores = table(["Method", *datasets.names], rows)
    heading = ["First", "Second", "Datasets", "Mean difference", "p", "p, by Holm"]
    pairs = table(
        heading,
        [
            [p.first, p.second, p.num_datasets, p.mean_difference, p.p_value, p.adjusted]
            for p in datasets.pairs[:MOST_PAIRS]
        ],
    )
    told = (
        f"Scores: {metric} on the test set, the mean over seeds. p: Wilcoxon's signed-rank test "
        "over the datasets, exact, two-sided, adjusted by Holm for all pairs. A dataset is one "
        "sample here: this is about other datasets of the same kind, not about other seeds."
    )
    parts = [scores, pairs, tag("p", told, class_="note")]
    too_few = too_few_datasets(datasets)
    if too_few is not None:
        parts.insert(2, tag("p", too_few, class_="warning"))
    if datasets.left_out:
        names = ", ".join(datasets.left_out)
        parts.append(tag("p", f"Left out, since a dataset is missing: {names}.", class_="note"))
    return joined(parts)


def too_few_datasets(datasets: Datasets) -> str | None:
    """Why no p-value can be small, if there are too few datasets."""
    num_datasets, num_pairs = len(datasets.names), len(datasets.pairs)
    least = min(1.0, num_pairs * smallest_p_value(num_datasets))
    if least < SIGNIFICANT:
        return None
    needed = next(n for n in range(2, 64) if num_pairs * smallest_p_value(n) < SIGNIFICANT)
    pairs = "one pair" if num_pairs == 1 else f"{num_pairs} pairs"
    return (
        f"{num_datasets} datasets are too few: of {pairs} no p can be below {number(least)} by "
        f"Holm, whatever the scores. From {needed} datasets on it can be below {SIGNIFICANT:g}."
    )
