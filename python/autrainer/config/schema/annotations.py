"""What annotations say about the values of a configuration, before anything is called with them."""

from __future__ import annotations

import collections.abc
import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

LARGEST_NUMBER = 3.4e38
"""What float32 holds; nothing that torch calculates with can be larger."""

LARGEST_INTEGER = 2**63 - 1

_ROOTS = frozenset({"autrainer", "torch"})
_NAMES = {
    type(None): "null",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    complex: "a number",
    str: "a text",
    list: "a list",
    dict: "a mapping",
}


def annotations_of(target: Callable[..., Any]) -> Mapping[str, Any]:
    """Annotations of the parameters of a callable, by name; empty where they are not to be trusted.

    Only this package and torch are taken at their word: elsewhere an annotation may be a wish.
    """
    if str(getattr(target, "__module__", "")).partition(".")[0] not in _ROOTS:
        return {}
    return _annotations(target)


@lru_cache(maxsize=256)
def _annotations(target: Callable[..., Any]) -> Mapping[str, Any]:
    function = target.__init__ if inspect.isclass(target) else target
    try:
        return typing.get_type_hints(function)
    except Exception:
        # A name that exists for type checkers only, or no function at all.
        return {}


def misfit(annotation: Any, value: object) -> str | None:
    """What a parameter takes, in words, if it cannot take a value; else None.

    Args:
        annotation: Of the parameter, evaluated. What is not known in it takes any value.
        value: A value of a configuration: None, bool, int, float, text, list or mapping.

    >>> misfit(float, "fast"), misfit(float, 1), misfit(int | None, float("nan"))
    ('a number', None, 'an integer or null')
    """
    kinds = _kinds(annotation)
    if kinds is None or any(_takes(kind, value) for kind in kinds):
        return None
    if isinstance(value, float | int) and not isinstance(value, bool) and not _is_sane(value):
        return " or ".join(_names(kinds)).replace("a number", "a finite number")
    return " or ".join(_names(kinds))


def _kinds(annotation: Any) -> set[type] | None:
    """The kinds of values that an annotation stands for; None if that is not known."""
    if annotation is None:
        return {type(None)}
    if annotation in _NAMES:
        return {annotation}
    origin = typing.get_origin(annotation) or annotation
    if origin in (typing.Union, types.UnionType):
        parts = [_kinds(part) for part in typing.get_args(annotation) if not _is_tensor(part)]
        known = [part for part in parts if part is not None]
        return set[type]().union(*known) if len(known) == len(parts) else None
    if origin is typing.Literal:
        return {type(value) for value in typing.get_args(annotation)}
    if inspect.isclass(origin) and origin not in (str, bytes):
        if issubclass(origin, collections.abc.Mapping):
            return {dict}
        if issubclass(origin, collections.abc.Sequence | set) or origin is collections.abc.Iterable:
            return {list}
    return None


def _is_tensor(annotation: object) -> bool:
    """No configuration holds one. Where there is one, torch has been imported."""
    torch = sys.modules.get("torch")
    return torch is not None and annotation is torch.Tensor


def _takes(kind: type, value: object) -> bool:
    if isinstance(value, Mapping):
        return kind is dict
    if isinstance(value, list | tuple):
        return kind is list
    if isinstance(value, bool):
        return kind is bool
    if not isinstance(value, int | float):
        return isinstance(value, kind)
    if kind is int:
        return _is_sane(value) and float(value).is_integer()
    # Any number tells true from false, as it always has.
    return kind in (float, complex, bool) and _is_sane(value)


def _is_sane(value: float) -> bool:
    if isinstance(value, int):
        return abs(value) <= LARGEST_INTEGER
    return math.isfinite(value) and abs(value) <= LARGEST_NUMBER


def _names(kinds: set[type]) -> list[str]:
    return list(dict.fromkeys(name for kind, name in _NAMES.items() if kind in kinds))[::-1]
