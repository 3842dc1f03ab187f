"""The order in which samples are visited: a pure function of (seed, epoch, number of samples).

No order is ever stored. Any part of it can be asked for, so a pass can be resumed anywhere and
shared between processes, and a billion samples take no more memory than ten.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autrainer import _core

IndexArray = npt.NDArray[np.int64]


def shuffled(
    num_samples: int, *, seed: int, epoch: int, start: int = 0, stop: int | None = None
) -> IndexArray:
    """Order in which to visit the samples of one epoch, or a part of it.

    Args:
        num_samples: Number of samples, from 1 to 2**63 - 1.
        seed: From 0 to 2**64 - 1.
        epoch: From 0 to 2**64 - 1.
        start: First position of the part.
        stop: Position after the last one; None for the end.

    Returns:
        Shape (stop - start,), int64. Over all positions, every index in [0, num_samples) comes
        once. It depends on the arguments alone, on every platform, so a resumed run sees what the
        first run would have seen.

    Raises:
        DataError: if an argument is out of its range.

    Reference: Fisher-Yates for up to 256 samples; beyond, the generalised Feistel cipher with cycle
    walking of Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002.

    >>> shuffled(10, seed=0, epoch=0).tolist() == shuffled(10, seed=0, epoch=0).tolist()
    True
    """
    return _core.permutation(num_samples, seed, epoch, start, stop)


def position_of(sample: int, num_samples: int, *, seed: int, epoch: int) -> int:
    """Position at which `shuffled` has a sample, found without making the order.

    Raises:
        DataError: if an argument is out of its range.

    >>> position_of(7, 10, seed=0, epoch=0) == shuffled(10, seed=0, epoch=0).tolist().index(7)
    True
    """
    return _core.position_of(num_samples, seed, epoch, sample)
