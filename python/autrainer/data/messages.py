"""Counts and the first few of many values, as messages about data name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

NUM_NAMED = 5
"""How many of many values a message names."""


def counted(number: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {noun}" + ("" if number == 1 else "s")


def first_few(values: Iterable[Any], separator: str = ", ") -> str:
    """The first few of some values.

    >>> first_few(range(9))
    '0, 1, 2, 3, 4, ...'
    """
    named = [str(value) for value in islice(values, NUM_NAMED + 1)]
    if len(named) > NUM_NAMED:
        named[NUM_NAMED] = "..."
    return separator.join(named)


def first_of(values: Sequence[Any]) -> str:
    """The first few of some values as Python writes them, and their number if those are not all.

    >>> first_of("abcdef")
    "'a', 'b', 'c', 'd', 'e', ... (6 in all)"
    """
    number = f" ({len(values)} in all)" if len(values) > NUM_NAMED else ""
    return first_few(map(repr, values)) + number
