"""What makes a run: comparing configurations, and naming the folder of one.

Two runs are the same when everything that can change their numbers is the same. Where a run is
kept, what it writes beside its metrics, what it shows and on which device it computes do not count
(`NOT_IDENTITY`; each key says so in its section, by `makes_run`); of the loader options only those
do that decide what a model gets to see. Keys of the user's own count: a callback or a model may
read them. Names of folders are made here and read nowhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from autrainer.config.constants import NamingConstants
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

LONGEST_NAME = 200
_UNSAFE = frozenset('/\\<>:"|?*%')


class Absent:
    """Stands for the value of a key that a configuration does not have."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


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


def differences(a: Plain, b: Plain, *, everything: bool = False) -> list[tuple[str, Any, Any]]:
    """Keys in which two configurations differ, dotted, with the value of each or `ABSENT`.

    Args:
        a: A configuration.
        b: Another one.
        everything: Compare all keys but `hydra`, not only those that make a run.
    """
    if everything:
        first, second = as_plain(a), as_plain(b)
        first.pop("hydra", None)
        second.pop("hydra", None)
    else:
        first, second = identity(a), identity(b)
    return list(_differences(first, second, ""))


def _differences(a: Any, b: Any, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    keys = list(dict.fromkeys([*a, *b]))
    for key in keys:
        x, y = a.get(key, ABSENT), b.get(key, ABSENT)
        name = f"{prefix}{key}"
        if isinstance(x, Mapping) and isinstance(y, Mapping):
            yield from _differences(x, y, f"{name}.")
        elif not _equal(x, y):
            yield name, x, y


def _equal(x: Any, y: Any) -> bool:
    """Equality that tells true from 1, calls 1 and 1.0 the same, and NaN equal to itself."""
    if isinstance(x, Mapping) and isinstance(y, Mapping):
        return x.keys() == y.keys() and all(_equal(x[key], y[key]) for key in x)
    if isinstance(x, list | tuple) and isinstance(y, list | tuple):
        return len(x) == len(y) and all(_equal(*pair) for pair in zip(x, y, strict=True))
    if isinstance(x, bool) or isinstance(y, bool):
        return x is y
    return bool(x == y) or (x != x and y != y)


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
    """The same for values that `_equal` takes for the same, and something else for others."""
    if isinstance(value, Mapping):
        pairs = ((_canonical(key), _canonical(each)) for key, each in value.items())
        return "mapping", *sorted(pairs, key=repr)
    if isinstance(value, list | tuple):
        return "list", *map(_canonical, value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def run_name(config: Plain) -> str:
    """Name of the folder of a run: ids and values of the naming convention, joined by `_`.

    Characters that file systems do not take are written as `%` and two hexadecimal digits. A name
    that is too long keeps both ends, and a digest of the whole in between.
    """
    return folder_name("_".join(name_parts(config)))


def name_parts(config: Plain) -> list[str]:
    """Ids and values of the naming convention, in its order.

    Raises:
        LookupError, TypeError: if the configuration lacks one.
    """
    return [_part(config, key) for key in NamingConstants().NAMING_CONVENTION]


def folder_name(text: str) -> str:
    """A text as the name of a folder, as `run_name` writes one."""
    name = "".join(_escaped(character) for character in text)
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    ends = LONGEST_NAME // 2 - 10
    head = name.encode()[:ends].decode(errors="ignore")
    tail = name.encode()[-ends:].decode(errors="ignore")
    return f"{head}~{digest}~{tail}"


def _part(config: Plain, key: str) -> str:
    value: Any = config
    for step in key.split("."):
        value = value[step]
    return str(value["id"] if isinstance(value, Mapping) or hasattr(value, "keys") else value)


def _escaped(character: str) -> str:
    if character in _UNSAFE or ord(character) < 32:
        return f"%{ord(character):02X}"
    return character
