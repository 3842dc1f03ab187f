"""Methods over several datasets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autrainer.postprocessing.report.runs import (
    Group,
    Runs,
    differing_leaves,
    labels_of,
    leaves_without_seed,
)
from autrainer.runs.record.metrics_table import is_score
from autrainer.statistics.datasets import PairOfMethods, compare_methods

DATASET, DATASET_ID = "dataset.", "dataset.id"


@dataclass(frozen=True)
class Datasets:
    """Scores of methods on datasets, and tests of all pairs of methods.

    Args:
        names: Ids of the datasets, in the order in which they appear.
        scores: By method and dataset: the mean over seeds of the score on the test set.
        pairs: Empty if there are not two methods that have scores on the same two datasets.
        left_out: Methods that lack a dataset.
    """

    names: list[str]
    scores: dict[str, dict[str, float]]
    pairs: list[PairOfMethods] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def compare_datasets(runs: Runs) -> Datasets:
    """Compare the methods of a report over its datasets.

    A dataset is what has one `dataset.id`. A method is a configuration without its dataset; what
    configurations of one dataset differ in belongs to the method too, such as `features_subdir`.
    """
    scored = [(group, score) for group in runs.groups if (score := _score(group, runs)) is not None]
    methods = _methods([group for group, _ in scored])
    names = list(dict.fromkeys(_dataset(group) for group, _ in scored))
    scores: dict[str, dict[str, float]] = {}
    for (group, score), method in zip(scored, methods, strict=True):
        scores.setdefault(method, {})[_dataset(group)] = score
    complete = {method: found for method, found in scores.items() if len(found) == len(names)}
    if len(names) < 2 or len(complete) < 2:
        return Datasets(names, scores)
    left_out = [method for method in scores if method not in complete]
    return Datasets(names, complete, compare_methods(complete), left_out)


def _score(group: Group, runs: Runs) -> float | None:
    """Mean over seeds; None for runs of another metric, or without results."""
    metric = runs.metric
    if metric is None or any(record.tracking_metric != metric for record in group.finished):
        return None
    values = [record.test.total(metric) for record in group.finished]
    scored = [value for value in values if value is not None and is_score(value)]
    return math.fsum(scored) / len(scored) if scored else None


def _dataset(group: Group) -> str:
    return str(group.records[0].value(DATASET_ID, "?"))


def _methods(groups: Sequence[Group]) -> list[str]:
    """Names of the methods of groups; those of one method have one name."""
    of_all = [leaves_without_seed(group.records[0]) for group in groups]
    by_dataset: dict[str, list[Mapping[str, Any]]] = {}
    for group, found in zip(groups, of_all, strict=True):
        by_dataset.setdefault(_dataset(group), []).append(found)
    varied = {key for members in by_dataset.values() for key in differing_leaves(members)}
    kept = [
        {k: v for k, v in found.items() if k in varied or not k.startswith(DATASET)}
        for found in of_all
    ]
    distinct = [each for place, each in enumerate(kept) if each not in kept[:place]]
    named = labels_of(
        [f"method {n}" for n in range(1, len(distinct) + 1)], differing_leaves(distinct)
    )
    return [named[distinct.index(each)] for each in kept]
