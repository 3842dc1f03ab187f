"""Names under which results are kept, which have to tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autrainer.datasets.tables.strata import TOTAL
from autrainer.errors import ConfigError

if TYPE_CHECKING:
    from autrainer.metrics.base import AbstractMetric

RESERVED = ("train_loss", "dev_loss", "loss", "iteration")
"""Names in the files of results that no metric may take."""


def check_target_names(target_column: Any) -> None:
    """Refuse names of target columns under which results would be lost.

    Raises:
        ConfigError: naming the column, and why.
    """
    if isinstance(target_column, str):
        return
    columns = list(target_column)
    if TOTAL in columns:
        raise ConfigError(
            f"dataset.target_column has a column {TOTAL!r}: results of each target stand beside "
            f"those of all targets, which are called {TOTAL!r}; rename the column"
        )
    repeated = sorted({str(column) for column in columns if columns.count(column) > 1})
    if repeated:
        raise ConfigError(f"dataset.target_column names {', '.join(repeated)} more than once")


def check_metrics(metrics: Sequence[AbstractMetric], tracking_metric: AbstractMetric) -> None:
    """Refuse metrics whose results would be lost, and to track one that is not computed.

    Raises:
        ConfigError: naming the metrics.
    """
    names = [metric.name for metric in metrics]
    if tracking_metric.name not in names:
        raise ConfigError(
            f"dataset.tracking_metric is {tracking_metric.name!r}, which is not among "
            f"dataset.metrics ({', '.join(names) or 'none'}); add it there"
        )
    for name in RESERVED:
        if name in names:
            raise ConfigError(
                f"dataset.metrics has a metric called {name!r}, the name of another column of "
                "metrics.csv or of dev.yaml; give the metric another name"
            )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(
            f"dataset.metrics has {', '.join(repeated)} more than once; the results of one would "
            "replace those of the other: remove it, or give it a name of its own"
        )
