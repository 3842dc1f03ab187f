"""Which runs are one configuration but for what is averaged over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autrainer.config.constants import NamingConstants
from autrainer.config.identity import identity
from autrainer.config.run_name import folder_name, name_parts
from autrainer.errors import ConfigError, did_you_mean
from autrainer.runs.record.run_record import RunRecord

AVERAGED = "#"
"""Stands for a value that is averaged over."""


class UnknownParameterError(ConfigError):
    """Runs cannot be aggregated over a parameter of this name."""


def check_parameters(parameters: Sequence[str]) -> None:
    """Refuse what runs cannot be aggregated over.

    Raises:
        UnknownParameterError: naming the near matches.
    """
    valid = NamingConstants().VALID_AGGREGATIONS
    if not parameters:
        raise UnknownParameterError(f"name what to aggregate over: {', '.join(valid)}")
    for name in parameters:
        if name not in valid:
            hint = did_you_mean(name, valid) or f"use one of {', '.join(valid)}"
            raise UnknownParameterError(f"runs cannot be aggregated over {name!r}; {hint}")


def grouped(records: Sequence[RunRecord], parameters: Sequence[str]) -> dict[str, list[RunRecord]]:
    """Groups of runs by name: that of their folders, with `#` for what is averaged over.

    Runs are told by their configurations, not by the names of their folders. Where two runs of a
    group have the same values of the parameters they differ in something that no name shows: they
    are in separate groups then, whose names tell the difference.

    Args:
        records: Runs that have configurations.
        parameters: Keys of the naming convention.
    """
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(_name_without(record, parameters), []).append(record)
    found: dict[str, list[RunRecord]] = {}
    for name, members in groups.items():
        for suffix, part in _told_apart(members, parameters):
            found.setdefault(folder_name(f"{name}{suffix}"), []).extend(part)
    return dict(sorted(found.items()))


def _name_without(record: RunRecord, parameters: Sequence[str]) -> str:
    parts = naming_of(record)
    return "_".join(AVERAGED if key in parameters else part for key, part in parts.items())


def naming_of(record: RunRecord) -> dict[str, str]:
    """Ids and values of the naming convention; `None` for what a configuration does not have."""
    keys = NamingConstants().NAMING_CONVENTION
    try:
        return dict(zip(keys, name_parts(record.config), strict=True))
    except (LookupError, TypeError):
        values = {key: record.value(key, "None") for key in keys}
        return {key: "None" if isinstance(v, Mapping) else str(v) for key, v in values.items()}


def _told_apart(
    members: Sequence[RunRecord], parameters: Sequence[str]
) -> Iterator[tuple[str, list[RunRecord]]]:
    """Parts of a group in which no two runs have the same values of the parameters."""
    leaves = [dict(leaves_of(identity(record.config))) for record in members]
    hidden = _hidden_keys(members, leaves, parameters)
    parts: dict[str, list[RunRecord]] = {}
    for record, values in zip(members, leaves, strict=True):
        suffix = "".join(f",{key}={values.get(key)}" for key in hidden)
        parts.setdefault(suffix, []).append(record)
    yield from parts.items()


def _hidden_keys(
    members: Sequence[RunRecord], leaves: Sequence[Mapping[str, Any]], parameters: Sequence[str]
) -> list[str]:
    """Keys in which runs differ that have the same values of the parameters."""
    same: dict[str, list[Mapping[str, Any]]] = {}
    for record, values in zip(members, leaves, strict=True):
        same.setdefault(repr([record.value(key) for key in parameters]), []).append(values)
    keys: dict[str, None] = {}
    for alike in same.values():
        first = alike[0]
        for other in alike[1:]:
            names = dict.fromkeys([*first, *other])
            keys |= dict.fromkeys(key for key in names if first.get(key) != other.get(key))
    return list(keys)


def leaves_of(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Values of a configuration by dotted keys; lists count as values.

    >>> list(leaves_of({"a": {"b": 1}, "c": [2]}))
    [('a.b', 1), ('c', [2])]
    """
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from leaves_of(below, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def averaged_config(records: Sequence[RunRecord]) -> dict[str, Any]:
    """The configuration of the first run, with `#` for every value that is not that of all."""
    merged: dict[str, Any] = _merged([record.config for record in records])
    return merged


def _merged(configs: Sequence[Any]) -> Any:
    first = configs[0]
    if not all(isinstance(config, Mapping) for config in configs):
        return first if all(config == first for config in configs) else AVERAGED
    keys = dict.fromkeys(key for config in configs for key in config)
    return {
        key: _merged([config[key] for config in configs])
        if all(key in config for config in configs)
        else AVERAGED
        for key in keys
    }
