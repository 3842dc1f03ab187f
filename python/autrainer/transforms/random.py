"""Random numbers of transforms: one generator each, apart from everybody else's."""

from __future__ import annotations

import hashlib
from typing import Any

import torch


class RandomStream:
    """A torch generator that is named by numbers and can be pickled.

    Args:
        *key: Seed and whatever sets this stream apart. A single number seeds torch's generator
            as it is, several are hashed. No number: the first use draws a seed from torch's
            global generator, so that the seed of the run, and in a loader its worker, decide.
    """

    def __init__(self, *key: int) -> None:
        self._key = key
        self._generator: torch.Generator | None = None

    @property
    def generator(self) -> torch.Generator:
        """The generator, made when first needed."""
        if self._generator is None:
            self._generator = torch.Generator().manual_seed(_seed(self._key))
        return self._generator

    def restart(self, *key: int) -> None:
        """Start again, as the stream of another key."""
        self._key = key
        self._generator = None

    def uniform(self) -> float:
        """One number in [0, 1)."""
        return torch.rand(1, generator=self.generator).item()

    def integer(self, low: int, high: int) -> int:
        """One integer in [low, high)."""
        return int(torch.randint(low, high, (1,), generator=self.generator).item())

    def __getstate__(self) -> dict[str, Any]:
        state = None if self._generator is None else self._generator.get_state()
        return {"key": self._key, "state": state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._key, self._generator = state["key"], None
        if state["state"] is not None:
            self._generator = torch.Generator()
            self._generator.set_state(state["state"])


def _seed(key: tuple[int, ...]) -> int:
    if not key:
        return int(torch.randint(0, 2**62, (1,)).item())
    if len(key) == 1:
        return key[0]
    # Hashed, not added: stream 1 of worker 0 must not be stream 0 of worker 1.
    digest = hashlib.blake2b(repr(key).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")
