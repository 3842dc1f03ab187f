"""The runs of a report: grouped by what they differ in beside the seed, and named by it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autrainer.config.identity import identity
from autrainer.postprocessing.grouping import leaves_of
from autrainer.runs.record.metrics_table import Direction, is_score
from autrainer.runs.record.run_record import RunRecord

SEED = "seed"
LONGEST_LABEL = 120
NOTHING: tuple[Any, ...] = (None, "None", [])
"""Values that are not told in labels."""


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed only.

    Args:
        label: What sets the group apart from others.
        records: Its runs.
    """

    label: str
    records: list[RunRecord]

    @property
    def finished(self) -> list[RunRecord]:
        """Its runs that have finished."""
        return [record for record in self.records if record.state.is_finished]

    def best(self, metric: str | None, direction: Direction) -> RunRecord | None:
        """The run that is best on the dev set by a metric."""
        return best_of(self.finished, metric, direction)


@dataclass(frozen=True)
class Runs:
    """All runs of a report.

    Args:
        groups: In the order of their best values on the dev set, the best first.
        metric: Name of the tracking metric of most runs; None if no run tells one.
        direction: Whether more or less of it is better.
        differing: Keys in which groups differ, without the seed, and their values by group.
    """

    groups: list[Group]
    metric: str | None
    direction: Direction
    differing: dict[str, list[Any]]

    @property
    def records(self) -> list[RunRecord]:
        """The runs of all groups."""
        return [record for group in self.groups for record in group.records]

    @property
    def other_metrics(self) -> list[str]:
        """The tracking metric of each run that tracks another one than most."""
        names = [record.tracking_metric for record in self.records]
        return [name for name in names if name is not None and name != self.metric]

    def label(self, record: RunRecord) -> str:
        """Name of a run: its group, seed, experiment and folder, as far as they tell runs apart."""
        group = next(each for each in self.groups if record in each.records)
        if len(self.records) == len(self.groups):
            return group.label
        told = f"seed {record.value(SEED, '?')}"
        alike = [each for each in group.records if each.value(SEED) == record.value(SEED)]
        if len(alike) > 1:
            experiments = {each.experiment_id for each in alike}
            is_enough = len(experiments) == len(alike)
            told += f" ({record.experiment_id if is_enough else record.folder})"
        return told if len(self.groups) == 1 else f"{group.label}, {told}"


def runs_of_report(records: Sequence[RunRecord]) -> Runs:
    """Group runs and name the groups.

    Runs without a configuration keep the names of their folders.
    """
    same: dict[str, list[RunRecord]] = {}
    for record in records:
        key = repr(sorted(leaves_without_seed(record).items())) if record.config else record.name
        same.setdefault(key, []).append(record)
    named = [(members[0].name, members) for members in same.values()]
    metric = _most_common([record.tracking_metric for record in records])
    direction = _direction(records, metric)
    named.sort(key=lambda item: _rank(item[1], metric, direction))
    differing = differing_leaves([leaves_without_seed(members[0]) for _, members in named])
    labels = labels_of([name for name, _ in named], differing)
    if len(named) == 1:
        labels = [_label_of_only_group(*named[0])]
    groups = [Group(label, members) for label, (_, members) in zip(labels, named, strict=True)]
    return Runs(groups, metric, direction, differing)


def dev_score(record: RunRecord, metric: str | None) -> float | None:
    """A metric on the dev set, at the run's best iteration; None where the run does not have it."""
    value = None if metric is None else record.dev.total(metric)
    return value if value is not None and is_score(value) else None


def best_of(
    records: Sequence[RunRecord], metric: str | None, direction: Direction
) -> RunRecord | None:
    """The run with the best value of a metric on the dev set; the first of several."""
    sign = 1 if direction == "max" else -1
    found, best = None, -math.inf
    for record in records:
        value = dev_score(record, metric)
        if value is not None and sign * value > best:
            found, best = record, sign * value
    return found


def _rank(members: Sequence[RunRecord], metric: str | None, direction: Direction) -> float:
    best = best_of(members, metric, direction)
    value = None if best is None else dev_score(best, metric)
    if value is None:
        return math.inf
    return -value if direction == "max" else value


def _most_common(names: Sequence[str | None]) -> str | None:
    told = [name for name in names if name is not None]
    return max(dict.fromkeys(told), key=told.count) if told else None


def _direction(records: Sequence[RunRecord], metric: str | None) -> Direction:
    if metric is None:
        return "max"
    shown = (record.direction(metric) for record in records)
    found = next((each for each in shown if each is not None), None)
    return found or ("min" if metric in ("mse", "mae") else "max")


def leaves_without_seed(record: RunRecord) -> dict[str, Any]:
    """Keys of what makes a run, `model.id` and the like, and their values."""
    try:
        config: Mapping[str, Any] = identity(record.config)
    except (LookupError, TypeError, ValueError, AttributeError):
        config = record.config
    return {key: value for key, value in leaves_of(config) if key != SEED}


def differing_leaves(leaves: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Keys whose values are not the same in all, and the values."""
    keys = dict.fromkeys(key for each in leaves for key in each)
    columns = {key: [each.get(key) for each in leaves] for key in keys}
    return {key: c for key, c in columns.items() if any(value != c[0] for value in c)}


def labels_of(names: Sequence[str], differing: Mapping[str, list[Any]]) -> list[str]:
    """Names by as few keys as tell all groups apart, ids first; by names of folders if none do."""
    kept = {key: differing[key] for key in sorted(differing, key=_rank_of_key)}
    if len(set(_told(kept, len(names)))) < len(names):
        return list(names)
    for key in reversed(list(kept)):
        fewer = {other: column for other, column in kept.items() if other != key}
        if len(set(_told(fewer, len(names)))) == len(names):
            kept = fewer
    lacking = ", ".join(f"no {key.removesuffix('.id')}" for key in kept)
    return [(label or lacking or "all")[:LONGEST_LABEL] for label in _told(kept, len(names))]


def _label_of_only_group(name: str, members: Sequence[RunRecord]) -> str:
    """What was trained on what; the name of a folder where that is not known."""
    model, dataset = (members[0].value(f"{group}.id") for group in ("model", "dataset"))
    return f"{model}, {dataset}" if model and dataset else name


def _rank_of_key(key: str) -> tuple[bool, bool]:
    return not key.endswith(".id"), "." in key


def _told(columns: Mapping[str, list[Any]], count: int) -> list[str]:
    return [
        ", ".join(
            str(column[place]) if key.endswith(".id") else f"{key}={column[place]}"
            for key, column in columns.items()
            if column[place] not in NOTHING
        )
        for place in range(count)
    ]
