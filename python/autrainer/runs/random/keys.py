"""Random numbers that belong to a sample: the same in any order, any number of workers or threads.

Whoever makes a sample does so under a key, `with keyed(seed, epoch, index)`. Everything that draws
under it, at whatever place of a pipeline, gets numbers of (seed, epoch, index, place) and of
nothing else: not of the samples made before, not of the thread, not of the process.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token

import numpy as np
import torch

from autrainer.runs.random.seeds import derived_seed
from autrainer.runs.random.uniforms import GOLDEN_GAMMA

Place = tuple[int, ...]

_MASK = 2**64 - 1


class Draws:
    """Random numbers that are counted, not remembered: the n-th is a hash of the name and n.

    Args:
        name: What belongs to these draws alone, as in `derived_seed`.

    Reference: SplitMix64 of Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
    Generators", OOPSLA 2014.
    """

    __slots__ = ("_generator", "_seed", "_state")

    def __init__(self, *name: object) -> None:
        self._seed = self._state = derived_seed(*name)
        self._generator: torch.Generator | None = None

    def bits(self) -> int:
        """64 random bits."""
        self._state = bits = (self._state + GOLDEN_GAMMA) & _MASK
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
        return bits ^ (bits >> 31)

    def uniform(self) -> float:
        """One number in [0, 1), of 53 random bits."""
        return (self.bits() >> 11) * 2.0**-53

    def integer(self, low: int, high: int) -> int:
        """One integer in [low, high)."""
        return low + (self.bits() * (high - low) >> 64)

    @property
    def generator(self) -> torch.Generator:
        """A torch generator for whole tensors; torch takes 32 bits of its seed."""
        if self._generator is None:
            self._generator = torch.Generator().manual_seed(self._seed)
        return self._generator


class Key:
    """What everything draws from that is done within `with keyed(...)`.

    Attributes:
        place: Where in the pipeline things are just done; `placed` sets it.
    """

    __slots__ = ("_draws", "_token", "epoch", "index", "place", "seed")

    def __init__(self, seed: int, epoch: int, index: int) -> None:
        self.seed = seed
        self.epoch = epoch
        self.index = index
        self.place: Place = ()
        self._draws: dict[Place, dict[object, Draws]] | None = None
        self._token: Token[Key | None] | None = None

    def draws(self, owner: object, name: object) -> Draws:
        """The draws of an owner at the place where things are just done.

        Args:
            owner: Who draws; it goes on where it was when it asks again, and two owners of the
                same name at the same place share nothing.
            name: What sets the owner apart from others, whatever place it is put to.
        """
        if self._draws is None:
            self._draws = {}
        here = self._draws.setdefault(self.place, {})
        drawn = here.get(owner)
        if drawn is None:
            drawn = Draws(self.seed, self.epoch, self.index, self.place, name, len(here))
            here[owner] = drawn
        return drawn

    def __enter__(self) -> Key:
        self._token = _ACTIVE.set(self)
        return self

    def __exit__(self, *error: object) -> None:
        assert self._token is not None
        _ACTIVE.reset(self._token)


# Of the thread, and in it of the block: nothing is left when the block ends.
_ACTIVE: ContextVar[Key | None] = ContextVar("autrainer_key", default=None)


def keyed(seed: int, epoch: int, index: int) -> Key:
    """A block in which everything that is drawn belongs to a sample.

    Keys nest; the inner one counts. They are of the thread that enters them. Never leave a
    generator function suspended within the block: its caller would draw from the key too.

    Args:
        seed: Of the loader.
        epoch: Number of the pass.
        index: Of the sample in its split; for what is drawn for a whole batch, see `keyed_batch`.

    >>> with keyed(1, 0, 7):
    ...     current_key()
    (1, 0, 7)
    """
    return Key(seed, epoch, index)


def keyed_batch(seed: int, epoch: int, batch: int) -> Key:
    """A block in which everything that is drawn belongs to a batch.

    Its key has the index `-1 - batch`, so it has nothing in common with that of a sample.

    Args:
        seed: Of the loader.
        epoch: Number of the pass.
        batch: Number of the batch in the pass.
    """
    return Key(seed, epoch, -1 - batch)


def active_key() -> Key | None:
    """The key of the innermost `with keyed(...)`, to draw from."""
    return _ACTIVE.get()


def current_key() -> tuple[int, int, int] | None:
    """(seed, epoch, index) of the innermost `with keyed(...)`; None outside."""
    key = _ACTIVE.get()
    return None if key is None else (key.seed, key.epoch, key.index)


def seed_globals(seed: int) -> None:
    """Seed the global CPU generators of Python, NumPy and torch, in some microseconds.

    For code that is not ours and draws from them. What CUDA devices draw stays as it is: with
    `torch.manual_seed`, this would take twenty times as long.

    Args:
        seed: From 0 to 2^64 - 1, such as `derived_seed(seed, epoch, index)`.
    """
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    torch.default_generator.manual_seed(seed)


@contextmanager
def global_generators_kept() -> Iterator[None]:
    """Give the global CPU generators of Python, NumPy and torch back as they were before."""
    python, numpy = random.getstate(), np.random.get_state()
    generator = torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(generator)
