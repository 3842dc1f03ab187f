"""Attributes of the parts of an object, under names of its own."""

from __future__ import annotations

from operator import attrgetter
from typing import Any


class Forwarded:
    """An attribute that is one of a part: read from it, and set there.

    >>> class Engine:
    ...     power_kw = 60
    >>> class Car:
    ...     power_kw = Forwarded("engine")
    ...     def __init__(self) -> None:
    ...         self.engine = Engine()
    >>> Car().power_kw
    60

    Args:
        part: The attribute that holds the part, or a path of them, `.` between the names.
        name: Name of the attribute in the part; by default the same.
    """

    def __init__(self, part: str, name: str = "") -> None:
        self._part = attrgetter(part)
        self._name = name

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = self._name or name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else getattr(self._part(instance), self._name)

    def __set__(self, instance: Any, value: Any) -> None:
        setattr(self._part(instance), self._name, value)
