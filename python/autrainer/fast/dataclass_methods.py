"""Methods of dataclasses that are compiled when they are called first, not when a class is made.

A command that trains imports some five hundred dataclasses, three quarters of them torch's. Python
compiles up to five methods for each that most of them are never asked for (`__repr__`, `__eq__`,
`__hash__`, and the two that freeze it): a fortieth of the time until a small run has trained.
From 3.13 on it compiles all of a class at once, and nothing is deferred.
"""

from __future__ import annotations

import dataclasses
import os
import sys

from autrainer.fast.gate import SWITCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAKERS = ("_repr_fn", "_cmp_fn", "_hash_fn", "_frozen_get_del_attr")
"""What makes the methods, in `dataclasses` of Python 3.10 to 3.12."""

_makers: dict[str, Any] = {}


def defer_methods() -> None:
    """Defer the methods of dataclasses that are made from now on, until `make_methods_as_usual`.

    Nothing happens where this Python makes them in another way, or where private parts are to be
    left alone (`AUTRAINER_PRIVATE_TORCH=0`).
    """
    if _makers or os.environ.get(SWITCH) == "0" or sys.version_info >= (3, 13):
        return
    module: Any = dataclasses
    if not all(hasattr(module, name) for name in MAKERS):
        return
    _makers.update({name: getattr(module, name) for name in MAKERS})
    module._repr_fn = _deferred_repr
    module._cmp_fn = _deferred_comparison
    module._hash_fn = _deferred_hash
    module._frozen_get_del_attr = _deferred_freezing


def make_methods_as_usual() -> None:
    """Let dataclasses that are made from now on have their methods at once."""
    for name in MAKERS:
        if name in _makers:
            setattr(dataclasses, name, _makers.pop(name))


def _deferred_repr(fields: Any, globals: Any) -> Any:
    make = _makers["_repr_fn"]

    def __repr__(self: Any) -> Any:
        return _compiled(type(self), __repr__, make(fields, globals))(self)

    return __repr__


def _deferred_comparison(
    name: str, op: str, self_tuple: str, other_tuple: str, globals: Any
) -> Any:
    make = _makers["_cmp_fn"]

    def comparison(self: Any, other: Any) -> Any:
        made = make(name, op, self_tuple, other_tuple, globals=globals)
        return _compiled(type(self), comparison, made)(self, other)

    comparison.__name__ = name
    return comparison


def _deferred_hash(fields: Any, globals: Any) -> Any:
    make = _makers["_hash_fn"]

    def __hash__(self: Any) -> Any:
        return _compiled(type(self), __hash__, make(fields, globals))(self)

    return __hash__


def _deferred_freezing(cls: type, fields: Any, globals: Any) -> Any:
    make = _makers["_frozen_get_del_attr"]

    def __setattr__(self: Any, name: str, value: object) -> None:
        made = make(cls, fields, globals)[0]
        _compiled(type(self), __setattr__, made)(self, name, value)

    def __delattr__(self: Any, name: str) -> None:
        _compiled(type(self), __delattr__, make(cls, fields, globals)[1])(self, name)

    return __setattr__, __delattr__


def _compiled(cls: type, deferred: Any, method: Callable[..., Any]) -> Callable[..., Any]:
    """The compiled method, which stands in the class from now on."""
    method.__qualname__, name = deferred.__qualname__, deferred.__name__
    for each in cls.__mro__:
        if vars(each).get(name) is deferred:
            setattr(each, name, method)
    return method
