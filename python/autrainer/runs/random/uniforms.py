"""Many random numbers at once, by name; without torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autrainer.runs.random.seeds import derived_seed

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
"""What SplitMix64 adds to its state with every number."""


def uniforms(start: int, stop: int, *name: object) -> npt.NDArray[np.float64]:
    """The numbers that `keys.Draws(*name).uniform()` gives one after the other, a stretch of them.

    Args:
        start: How many numbers come before the stretch.
        stop: How many have come when it ends.
        name: As in `derived_seed`.

    >>> uniforms(0, 3, "name")[1:].tolist() == uniforms(1, 3, "name").tolist()
    True
    """
    count = np.arange(start, stop, dtype=np.uint64) + np.uint64(1)
    bits = count * np.uint64(GOLDEN_GAMMA) + np.uint64(derived_seed(*name))
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn: npt.NDArray[np.float64] = ((bits ^ (bits >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53
    return drawn
