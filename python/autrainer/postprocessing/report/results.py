"""Sections about results on the test set: intervals, tests, confusion, strata, hardest samples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from autrainer.errors import AutrainerError
from autrainer.postprocessing.report.drawings import scatter, whisker
from autrainer.postprocessing.report.markup import Html, joined, number, one_line, table, tag
from autrainer.postprocessing.report.outputs import SampleOutputs, outputs_of
from autrainer.postprocessing.report.overview import ends
from autrainer.postprocessing.report.runs import Runs
from autrainer.runs.record.configuration import lookup
from autrainer.runs.record.run_record import RunRecord
from autrainer.statistics.bootstrap import RESAMPLES, Bootstrap, Interval
from autrainer.statistics.holm import holm
from autrainer.statistics.permutation import PairedTest, paired_permutation_test
from autrainer.statistics.strata import SMALL, StratumReport, compare_strata

AXES = {"labels": "rows: truth, columns: prediction", "values": "prediction over truth", "sets": ""}
MOST_COMPARED = 8
MOST_MATRICES = 4
MOST_LABELS = 20
MOST_DOTS = 400
MOST_STRATA = 40
MOST_HARD = 12
PERMUTATIONS = 2000
PLAYED = frozenset({".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".webm"})


@dataclass(frozen=True)
class Best:
    """The best run of a group on the dev set, with what it said about the test set."""

    label: str
    record: RunRecord
    outputs: SampleOutputs


class Results:
    """What saved outputs of the test set give.

    Args:
        runs: The runs.
        group_column: Column of the dataset's CSV whose samples belong together.
        level: Level of confidence.
        seed: Of all draws.

    Attributes:
        intervals: Of the tracking metric on the test set, by the folder of the run.
        best: The best run of each group, in their order.
        unused: Why outputs of runs are not used, by the names of the runs.
    """

    def __init__(
        self, runs: Runs, group_column: str | None = None, *, level: float = 0.95, seed: int = 0
    ) -> None:
        self._runs, self._level, self._seed = runs, level, seed
        self._bootstraps: dict[Any, Bootstrap | None] = {}
        self.intervals: dict[str, Interval] = {}
        self.best: list[Best] = []
        self.unused: dict[str, str] = {}
        for group in runs.groups:
            best = group.best(runs.direction)
            for record in group.finished:
                found = outputs_of(record, runs.metric, group_column)
                if isinstance(found, str):
                    self.unused[runs.label(record)] = found
                    continue
                self._add_interval(record, found)
                if record is best:
                    self.best.append(Best(group.label, record, found))

    def _add_interval(self, record: RunRecord, outputs: SampleOutputs) -> None:
        bootstrap = self.bootstrap(outputs)
        if bootstrap is not None:
            sides = outputs.truth, outputs.prediction
            self.intervals[str(record.folder)] = bootstrap.interval(outputs.metric, *sides)

    def bootstrap(self, outputs: SampleOutputs) -> Bootstrap | None:
        """Resamples of a test set, the same for all runs on it; None if it cannot be resampled."""
        groups = outputs.groups
        key = len(outputs.truth), None if groups is None else tuple(groups)
        if key not in self._bootstraps:
            try:
                self._bootstraps[key] = Bootstrap(
                    len(outputs.truth), groups, level=self._level, seed=self._seed
                )
            except AutrainerError:
                self._bootstraps[key] = None
        return self._bootstraps[key]

    def comparison(self, others: Sequence[Best]) -> list[tuple[Best, PairedTest]]:
        """Tests of the best run against others on the same test set."""
        first = self.best[0]
        return [
            (each, _tested(first.outputs, each.outputs, self._seed))
            for each in others
            if _same_samples(first.outputs, each.outputs)
        ]

    def strata(self, best: Best) -> StratumReport | None:
        """A run on the strata of its dataset; None if it has none."""
        bootstrap, outputs = self.bootstrap(best.outputs), best.outputs
        masks = dict(list(outputs.strata.items())[:MOST_STRATA])
        if bootstrap is None or len(masks) < 2:
            return None
        sides = outputs.truth, outputs.prediction
        direction = self._runs.direction
        return compare_strata(bootstrap, outputs.metric, *sides, masks, direction=direction)


def comparison_section(results: Results, metric: str | None) -> Html:
    """The best run of each configuration with its interval, and tested against the best of all."""
    shown = results.best[:MOST_COMPARED]
    intervals = [(b, results.intervals.get(str(b.record.folder))) for b in shown]
    known = [(best, interval) for best, interval in intervals if interval is not None]
    if not known:
        return Html("")
    scale = min(i.low for _, i in known), max(i.high for _, i in known)
    tests = {best.label: test for best, test in results.comparison([b for b, _ in known[1:]])}
    adjusted = dict(zip(tests, holm([t.p_value for t in tests.values()]), strict=True))
    rows = []
    for best, interval in known:
        test = tests.get(best.label)
        drawn = whisker(interval.score, (interval.low, interval.high), scale)
        row: list[Any] = [best.label, interval.score, ends(interval), drawn]
        row += [interval.num_samples, interval.num_groups]
        row += [None if test is None else test.difference, adjusted.get(best.label)]
        rows.append(row)
    scaled = one_line(f"{number(scale[0])} to {number(scale[1])}")
    heading = ["Best run of", f"{metric}, test", f"{100 * known[0][1].level:g} % interval", scaled]
    heading += ["Samples", "Groups", "First minus this", "p, by Holm"]
    return joined([table(heading, rows), tag("p", _how(known[0][0].outputs), class_="note")])


def _how(outputs: SampleOutputs) -> str:
    column = outputs.group_column
    units = f"all samples of one {column}" if column else "single samples"
    return (
        f"Intervals: percentiles of {RESAMPLES} bootstrap resamples of {units}; that of a run "
        "without any error has no width, and says nothing about errors rarer than 3 in the number "
        "of samples. p: paired permutation test of the first run against this one, exchanging "
        f"{units}; two-sided, adjusted by Holm. The runs are chosen on the dev set. All of this is "
        "about these runs on this test set, and not about other seeds."
    )


def _same_samples(first: SampleOutputs, other: SampleOutputs) -> bool:
    return (
        np.array_equal(first.truth, other.truth)
        and np.array_equal(first.indices, other.indices)
        and first.groups == other.groups
    )


def _tested(first: SampleOutputs, other: SampleOutputs, seed: int) -> PairedTest:
    return paired_permutation_test(
        first.metric, first.truth, first.prediction, other.prediction, first.groups,
        permutations=PERMUTATIONS, seed=seed,
    )  # fmt: skip


def predictions_section(results: Results) -> Html:
    """Confusion matrices of labels, scatter plots of values."""
    figures = [
        tag("figure", tag("figcaption", best.label, tag("span", AXES[best.outputs.kind])), drawn)
        for best in results.best[:MOST_MATRICES]
        if (drawn := _drawn(best.outputs)) is not None
    ]
    return tag("div", *figures, class_="charts") if figures else Html("")


def _drawn(outputs: SampleOutputs) -> Html | None:
    if outputs.kind == "labels":
        return _confusion(outputs)
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
                data_d="1" if n / total > 0.5 else None) for n in row
        ]  # fmt: skip
        rows.append(tag("tr", tag("th", label, scope="row"), *cells))
    head = tag(
        "tr", Html("<td></td>"), *(tag("th", label, scope="col") for label in labels.tolist())
    )
    matrix = tag("table", tag("thead", head), tag("tbody", *rows), class_="matrix")
    return tag("div", matrix, class_="scroll", tabindex="0")


def strata_section(results: Results, metric: str | None) -> Html:
    """Strata with counts and intervals, of the best run of all."""
    found = next(((b, r) for b in results.best if (r := results.strata(b)) is not None), None)
    if found is None:
        return Html("")
    best, report = found
    low = min(each.interval.low for each in report.strata)
    high = max(each.interval.high for each in report.strata)
    rows = [
        [
            each.name,
            each.interval.num_samples,
            each.interval.num_groups,
            each.interval.score,
            ends(each.interval),
            whisker(each.interval.score, (each.interval.low, each.interval.high), (low, high)),
            f"fewer than {SMALL}" if each.is_small else "",
        ]
        for each in report.strata
    ]
    heading = ["Stratum", "Samples", "Groups", metric, "Interval"]
    heading += [one_line(f"{number(low)} to {number(high)}"), "Warning"]
    parts = [tag("p", f"Of {best.label}."), table(heading, rows)]
    if report.gap is not None:
        gap = report.gap
        told = f"Worst: {gap.worst}. Gap to the best, {gap.best}: {number(gap.interval.score)}"
        parts.append(tag("p", f"{told} ({ends(gap.interval)})."))
    parts += [tag("p", each, class_="warning") for each in report.warnings]
    return joined(parts)


def hardest_section(results: Results, folder: Path) -> Html:
    """Samples with the largest loss of the best run, with links to their files.

    Args:
        results: The results.
        folder: Of the report: links start there.
    """
    for best in results.best[:1]:
        losses = _losses(best.record)
        if losses is None or len(losses) != len(best.outputs.truth):
            return Html("")
        order = np.argsort(-losses, kind="stable")[:MOST_HARD]
        names = _names(best)
        rows = [
            [
                _file(best.record, names[place] if names else None, folder)
                or f"number {best.outputs.indices[place]}",
                float(losses[place]),
                _told(best.outputs.truth[place]),
                _told(best.outputs.prediction[place]),
            ]
            for place in order
        ]
        told = tag("p", f"Of {best.label}, on the test set.")
        return joined([told, table(["Sample", "Loss", "Truth", "Prediction"], rows)])
    return Html("")


def _losses(record: RunRecord) -> Any:
    outputs = record.outputs("test")
    try:
        losses = None if outputs is None else np.asarray(outputs.array("losses"), dtype=float)
    except (AutrainerError, OSError, ValueError):
        return None
    if losses is None or not np.isfinite(losses).all():
        return None
    return losses.reshape(len(losses), -1).mean(axis=1) if len(losses) else None


def _names(best: Best) -> list[str] | None:
    column = lookup(best.record.config, "dataset.index_column", "filename")
    found = best.outputs.rows.get(column) or best.outputs.columns.get(column)
    return None if found is None else [str(name) for name in found]


def _file(record: RunRecord, name: str | None, folder: Path) -> Html | None:
    """A link to the file of a sample, and a player if it is sound; its name if it is not there."""
    if name is None:
        return None
    root = Path(str(lookup(record.config, "dataset.path", ".")))
    places = [root / name, root / "default" / name]
    places += [root / str(lookup(record.config, "dataset.features_subdir", "")) / name]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return tag("span", name)
    address = quote(os.path.relpath(path.resolve(), folder.resolve()).replace(os.sep, "/"))
    # Relative, and no scheme even if a name begins like one.
    link = tag("a", name, href=f"./{address}")
    if path.suffix.lower() not in PLAYED:
        return link
    player = Html(f'<audio controls preload="none" src="./{address}"></audio>')
    return joined([link, " ", player])


def _told(value: Any) -> str:
    if np.ndim(value):
        return ", ".join(map(_told, value))
    return number(float(value)) if isinstance(value, np.floating) else str(value)
