"""Names in the order in which people count: `run 9` comes before `run 10`."""

from __future__ import annotations

import re

NaturalKey = tuple[tuple[str | float, ...], str]

# An exponent as Python writes it, `1e-05`: digits, letters and digits of a hash are none.
_NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e-\d\d)?)")


def natural_key(text: str) -> NaturalKey:
    """A key to sort texts by: the numbers in them count by their values.

    Two texts that are not the same have two keys that are not the same.

    >>> sorted(["lr 0.01, seed 11", "lr 0.01, seed 9", "lr 0.002, seed 1"], key=natural_key)
    ['lr 0.002, seed 1', 'lr 0.01, seed 9', 'lr 0.01, seed 11']
    """
    # Every second part is a number, the first never: parts of one kind are compared.
    parts = _NUMBER.split(text)
    return tuple(float(p) if n % 2 else p for n, p in enumerate(parts)), text
