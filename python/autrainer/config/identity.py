"""What makes a run.

Two runs are the same when everything that can change their numbers is the same. Where a run is
kept, what it writes beside its metrics, what it shows and on which device it computes do not count
(`NOT_IDENTITY`; each key says so in its section, by `makes_run`); of the loader options only those
do that decide what a model gets to see. Keys of the user's own count: a callback or a model may
read them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from autrainer.config.comparing import unequal
from autrainer.config.plain import Plain, as_plain
from autrainer.config.schema.reading import Key, keys_of
from autrainer.config.schema.run import ATTRIBUTE_KEYS
from autrainer.config.schema.sections.loaders import LOADER_KEYS

NOT_IDENTITY = frozenset(
    {
        *("hydra", "plotting", "loggers"),
        *(each.name for each in ATTRIBUTE_KEYS if not each.makes_run),
    }
)
_WHICH_SAMPLES = ("pad", "sampler")
"""Options of loaders that, beside `drop_last`, decide what a model gets to see."""


def identity(config: Plain) -> dict[str, Any]:
    """The part of a configuration that makes a run, with defaults filled in.

    Args:
        config: Configuration as plain containers or a DictConfig, resolved or resolvable.
    """
    plain = as_plain(config)
    kept = {
        key: value
        for key, value in plain.items()
        if key not in NOT_IDENTITY and key not in LOADER_KEYS
    }
    # Configurations of earlier versions lack what came later.
    for each in ATTRIBUTE_KEYS:
        if each.makes_run and not each.is_required:
            kept.setdefault(each.name, each.default)
        if each.name in kept and each.section is not None:
            kept[each.name] = _written_out(kept[each.name], each)
    kept["callbacks"] = kept.get("callbacks") or []
    for group in ("scheduler", "augmentation"):
        if _is_none(kept.get(group)):
            kept[group] = {"id": "None"}
    dataset = dict(kept.get("dataset") or {})
    for key in LOADER_KEYS:
        own, general = dataset.pop(key, None), plain.get(key)
        options = own or general or {}
        kept[key] = {"drop_last": bool(options.get("drop_last", False))}
        # Absent from configurations of earlier versions, as from most of today's.
        kept[key] |= {name: options[name] for name in _WHICH_SAMPLES if options.get(name)}
    kept["dataset"] = dataset
    return kept


def _written_out(value: Any, key: Key) -> Any:
    """The options that a key holds, however short they are written."""
    if value is None or key.section is None:
        return value
    given = value if isinstance(value, Mapping) else {key.shorthand: value}
    options = keys_of(key.section)
    defaults = {each.name: each.default for each in options if not each.is_required}
    return defaults | {name: each for name, each in given.items() if each is not None}


def _is_none(group: Any) -> bool:
    if not isinstance(group, Mapping):
        return group in (None, "None")
    return group.get("id") in (None, "None") and not group.get("pipeline")


def differences(a: Plain, b: Plain) -> list[tuple[str, Any, Any]]:
    """Keys in which two configurations make different runs, dotted, with both values.

    Args:
        a: A configuration.
        b: Another one.
    """
    return unequal(identity(a), identity(b))


def same_but_iterations(a: Plain, b: Plain) -> bool:
    """Whether two configurations make the same run, apart from how long it trains."""
    return all(key == "iterations" for key, _, _ in differences(a, b))


def fingerprint(config: Plain) -> str:
    """A digest that configurations share if they make the same run, however long it trains.

    Comparing two of them is `same_but_iterations` without keeping the configurations.
    """
    kept = {key: value for key, value in identity(config).items() if key != "iterations"}
    text = repr(_canonical(kept))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _canonical(value: Any) -> Any:
    """The same for values that `equal` takes for the same, and something else for others."""
    if isinstance(value, Mapping):
        pairs = ((_canonical(key), _canonical(each)) for key, each in value.items())
        return "mapping", *sorted(pairs, key=repr)
    if isinstance(value, list | tuple):
        return "list", *map(_canonical, value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
