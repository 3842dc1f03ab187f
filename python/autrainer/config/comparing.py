"""Comparing configurations key by key; what makes a run is said elsewhere (`identity.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autrainer.config.plain import Plain, as_plain


class Absent:
    """Stands for the value of a key that a configuration does not have."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


def unequal(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Keys in which two mappings differ, dotted, with the value of each or `ABSENT`."""
    return list(_unequal(a, b, ""))


def all_differences(a: Plain, b: Plain) -> list[tuple[str, Any, Any]]:
    """Keys in which two configurations differ, all but `hydra`, as `unequal` gives them."""
    first, second = as_plain(a), as_plain(b)
    first.pop("hydra", None)
    second.pop("hydra", None)
    return unequal(first, second)


def _unequal(a: Any, b: Any, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    keys = list(dict.fromkeys([*a, *b]))
    for key in keys:
        x, y = a.get(key, ABSENT), b.get(key, ABSENT)
        name = f"{prefix}{key}"
        if isinstance(x, Mapping) and isinstance(y, Mapping):
            yield from _unequal(x, y, f"{name}.")
        elif not equal(x, y):
            yield name, x, y


def equal(x: Any, y: Any) -> bool:
    """Equality that tells true from 1, calls 1 and 1.0 the same, and NaN equal to itself."""
    if isinstance(x, Mapping) and isinstance(y, Mapping):
        return x.keys() == y.keys() and all(equal(x[key], y[key]) for key in x)
    if isinstance(x, list | tuple) and isinstance(y, list | tuple):
        return len(x) == len(y) and all(equal(*pair) for pair in zip(x, y, strict=True))
    if isinstance(x, bool) or isinstance(y, bool):
        return x is y
    return bool(x == y) or (x != x and y != y)
