"""Where every seed comes from: numbers that belong to a seed and a purpose, and nothing else.

`derived_seed` is the one derivation. `worker_seed` and `next_generator_seed` are older formulas, by
which numbers of existing configurations come out; nothing new uses them.
"""

from __future__ import annotations

import hashlib

LARGEST_SEED = 2**32 - 1
"""Of a configuration: what the generators of Python, NumPy and torch all take."""

SEED_BITS = 32
"""Bits of a seed of that kind."""


def derived_seed(*name: object, bits: int = 64) -> int:
    """A number that belongs to a name, and looks unrelated to those of all other names.

    Args:
        name: Integers, None, texts, and tuples of these: the seed that is derived from first, then
            what the number is for, such as `"train", 3`.
        bits: Size of the number, a multiple of 8: `SEED_BITS` for a seed that the global
            generators take, 64 for a key that is hashed further.

    Returns:
        A number from 0 to 2^bits - 1, the same on every machine.

    >>> derived_seed(1, 2, 3) == derived_seed(1, 2, 3), derived_seed(1, 23) == derived_seed(12, 3)
    (True, False)
    >>> derived_seed(1, "train", 1, bits=SEED_BITS)
    2744765947
    """
    digest = hashlib.blake2b(repr(name).encode(), digest_size=bits // 8).digest()
    return int.from_bytes(digest, "little")


def worker_seed(seed: int, worker: int) -> int:
    """What the global generators of a worker process begin with: the seed plus its number.

    Only for code of users that draws from them outside of items. What is drawn for an item or a
    batch has a seed by `derived_seed`, whoever makes it.
    """
    return (seed + worker) % (LARGEST_SEED + 1)


def next_generator_seed(seed: int) -> int:
    """The `generator_seed` of the augmentation behind one that has `seed`, or of its first member.

    The numbers of a pipeline are part of what configurations mean and of files that describe them.
    """
    return seed + 1
