"""Random numbers of transforms: a stream each, apart from everybody else's."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from typing import Any

import torch

from autrainer.runs.random.keys import Draws, active_key
from autrainer.runs.random.seeds import SEED_BITS, derived_seed


class RandomStream:
    """Random numbers of one transform, for one purpose.

    Under a key (`runs/random/keys.py`), which loaders set for every sample, the numbers belong to
    the key, the place in the pipeline and the name of the stream: any number of threads may draw,
    in any order. Without one they come from a torch generator, one after the other, which can be
    pickled.

    Args:
        *key: Seed of that generator and whatever sets it apart. A single number seeds it as it
            is, several are hashed. No number: the first use draws a seed from torch's global
            generator, so that the seed of the run, and in a loader its worker, decide.
        name: Sets the stream apart from others under a key. No part of it may depend on workers.
    """

    def __init__(self, *key: int, name: object = ()) -> None:
        self.name = name
        self._key = key
        self._generator: torch.Generator | None = None

    @property
    def generator(self) -> torch.Generator:
        """A generator to draw tensors from; under another key it is another one."""
        keyed = self._keyed()
        return self._own if keyed is None else keyed.generator

    def restart(self, *key: int) -> None:
        """Start again, as the stream of another key."""
        self._key = key
        self._generator = None

    def uniform(self) -> float:
        """One number in [0, 1)."""
        keyed = self._keyed()
        if keyed is not None:
            return keyed.uniform()
        return torch.rand(1, generator=self._own).item()

    def integer(self, low: int, high: int) -> int:
        """One integer in [low, high)."""
        keyed = self._keyed()
        if keyed is not None:
            return keyed.integer(low, high)
        return int(torch.randint(low, high, (1,), generator=self._own).item())

    def position(self, weights: Sequence[float]) -> int:
        """One position of the weights, as likely as they say; none below zero, not all zero."""
        keyed = self._keyed()
        if keyed is None:
            return int(torch.multinomial(torch.tensor(weights), 1, generator=self._own).item())
        sums = list(itertools.accumulate(weights))
        # Rounded up to the last sum, a number would have no position.
        drawn = bisect.bisect_right(sums, keyed.uniform() * sums[-1])
        return min(drawn, bisect.bisect_left(sums, sums[-1]))

    def _keyed(self) -> Draws | None:
        key = active_key()
        return None if key is None else key.draws(self, self.name)

    @property
    def _own(self) -> torch.Generator:
        if self._generator is None:
            self._generator = torch.Generator().manual_seed(_seed(self._key))
        return self._generator

    def __getstate__(self) -> dict[str, Any]:
        state = None if self._generator is None else self._generator.get_state()
        return {"key": self._key, "name": self.name, "state": state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._key, self.name, self._generator = state["key"], state["name"], None
        if state["state"] is not None:
            self._generator = torch.Generator()
            self._generator.set_state(state["state"])


def _seed(key: tuple[int, ...]) -> int:
    if not key:
        return int(torch.randint(0, 2**62, (1,)).item())
    if len(key) == 1:
        return key[0]
    # Hashed, not added: stream 1 of worker 0 must not be stream 0 of worker 1.
    return derived_seed(*key, bits=SEED_BITS)
