"""What a search looks for: the tracking metric, or several values of a run at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autrainer.config.instantiate import instantiate_shorthand
from autrainer.errors import ConfigError, did_you_mean
from autrainer.runs.layout import SUMMARY
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.yaml.reading import read_yaml
from autrainer.searching.settings import DIRECTIONS, SearchSettings

TRACKING_METRIC = "tracking metric"
"""The name of the only value of a trial, where nothing else is asked for."""

COUNTS = ("total_params", "trainable_params", "total_mult_adds")
"""What of the summary of a model can be searched for."""


def objectives_of(settings: SearchSettings, config: Mapping[str, Any]) -> dict[str, str]:
    """The values that trials of a configuration have, and which are better.

    Raises:
        ConfigError: if one of them is none that a run has.
    """
    if settings.objectives is None:
        return {TRACKING_METRIC: settings.direction or direction_of(config)}
    dataset = config.get("dataset")
    metrics = dataset.get("metrics") if isinstance(dataset, Mapping) else None
    names = [getattr(instantiate_shorthand(each, object), "name", "") for each in metrics or ()]
    known = [*names, "dev_loss", *COUNTS]
    for name in settings.objectives:
        if name not in known:
            raise ConfigError(
                f"hydra.sweeper.objectives has {name!r}, which no run has; "
                f"{did_you_mean(name, known) or 'use some of ' + ', '.join(known)}"
            )
    return dict(settings.objectives)


def values_of(record: RunRecord, objectives: Mapping[str, str]) -> dict[str, float | None]:
    """The values of a run at its best iteration, by the names of the objectives."""
    if list(objectives) == [TRACKING_METRIC]:
        return {TRACKING_METRIC: record.best_value}
    counts: Any = (
        read_yaml(record.folder / f"{SUMMARY}.yaml") if set(COUNTS) & {*objectives} else {}
    )
    return {
        name: counts.get(name) if name in COUNTS else record.dev.total(name) for name in objectives
    }


def direction_of(config: Mapping[str, Any]) -> str:
    """Which values of the tracking metric of a configuration are better.

    Raises:
        ConfigError: if there is no such metric, or it does not say so.
    """
    dataset = config.get("dataset")
    target = dataset.get("tracking_metric") if isinstance(dataset, Mapping) else None
    suffix = (
        None if target is None else getattr(instantiate_shorthand(target, object), "suffix", None)
    )
    if suffix not in DIRECTIONS:
        raise ConfigError(
            f"dataset.tracking_metric is {target!r}, which does not say which values are better; "
            "add hydra.sweeper.direction=minimize or maximize"
        )
    return DIRECTIONS[suffix]
