"""Looking things up in the configuration of a run, which may be of any version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def lookup(config: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """A value by its dotted key; a mapping with an `id` counts as this id.

    >>> config = {"model": {"id": "Cnn10", "size": 3}, "seed": 1}
    >>> lookup(config, "model"), lookup(config, "model.size"), lookup(config, "lr", "none")
    ('Cnn10', 3, 'none')
    """
    value: Any = config
    for step in key.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return default
        value = value[step]
    return value["id"] if isinstance(value, Mapping) and "id" in value else value


def tracking_metric(config: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Name of the tracking metric.

    Args:
        config: Configuration of the run.
        names: Names of its metrics, in the order of the configuration.
    """
    dataset = config.get("dataset")
    if not isinstance(dataset, Mapping):
        return None
    metrics, tracked = dataset.get("metrics"), dataset.get("tracking_metric")
    if not isinstance(metrics, list) or len(metrics) != len(names):
        return None
    for read in (_itself, import_path):
        listed = [read(metric) for metric in metrics]
        if read(tracked) in listed:
            return names[listed.index(read(tracked))]
    return None


def import_path(shorthand: Any) -> str:
    """Import path of a class in shorthand syntax.

    >>> import_path("a.B"), import_path({"a.C": {"size": 1}}), import_path(None)
    ('a.B', 'a.C', '')
    """
    if isinstance(shorthand, Mapping):
        return str(next(iter(shorthand), ""))
    return str(shorthand or "")


def _itself(shorthand: Any) -> Any:
    return shorthand
