"""The order in which samples are visited: a pure function of (seed, epoch, number of samples).

No order is ever stored. Any part of it can be asked for, so a pass can be resumed anywhere and
shared between processes, and a billion samples take no more memory than ten.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from autrainer import _core
from autrainer.errors import DataError

IndexArray = npt.NDArray[np.int64]

# The first samples come at once, later ones in pieces whose memory does not matter.
FIRST_CHUNK = 1024
LAST_CHUNK = 8192


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


class EpochSampler(Sampler[int]):
    """Indices of one pass after the other, for any `torch.utils.data.DataLoader`.

    Several processes share a pass by giving their rank: each gets a slice of the same order, and
    together they get every sample once. Slices differ in length by one sample at most.

    Args:
        num_samples: Number of samples.
        seed: With the epoch, decides the order.
        shuffle: Visit the samples in the order of (seed, epoch) instead of their own.
        rank: Which slice of the order this sampler gives.
        world_size: Number of slices.

    Raises:
        DataError: if there are no samples, or rank or seed are out of their range.
    """

    def __init__(
        self,
        num_samples: int,
        *,
        seed: int,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if not 0 <= rank < world_size:
            raise DataError(f"rank is {rank}; with world_size {world_size} use 0 to world_size - 1")
        self.num_samples = num_samples
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0
        self._start = rank * num_samples // world_size
        self._stop = (rank + 1) * num_samples // world_size
        _check(num_samples, seed)

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be that of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Number of indices of a pass."""
        return self._stop - self._start

    def __iter__(self) -> Iterator[int]:
        """Indices of the pass `epoch`."""
        return self._indices(self.epoch)

    def _indices(self, epoch: int) -> Iterator[int]:
        for start, stop in _chunks(self._start, self._stop, 1):
            chunk = _visited(self.num_samples, self.seed, epoch, start, stop, self.shuffle)
            yield from chunk.tolist()


class EpochBatchSampler(Sampler[list[int]]):
    """Batches of indices of one pass after the other, as `batch_sampler` of a torch `DataLoader`.

    Args:
        num_samples: Number of samples.
        batch_size: Indices per batch; the last batch of a pass may have fewer.
        seed: With the epoch, decides the order.
        shuffle: Visit the samples in the order of (seed, epoch) instead of their own.
        drop_last: Leave out a last batch that is not full.

    Raises:
        DataError: if there are no samples, or another argument is out of its range.
    """

    def __init__(
        self,
        num_samples: int,
        batch_size: int,
        *,
        seed: int,
        shuffle: bool = True,
        drop_last: bool = False,
    ) -> None:
        if batch_size < 1:
            raise DataError(f"batch_size is {batch_size}; use at least 1")
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.epoch = 0
        self._first_batch = 0
        _check(num_samples, seed)

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be that of an epoch."""
        self.epoch = epoch

    def start_at(self, batch: int) -> None:
        """Let the next pass, and only that one, begin with one of its later batches.

        Raises:
            DataError: if a pass has fewer batches.
        """
        if not 0 <= batch <= len(self):
            raise DataError(f"batch is {batch}; a pass has {len(self)} batches, numbered from 0")
        self._first_batch = batch

    def __len__(self) -> int:
        """Number of batches of a whole pass."""
        full, rest = divmod(self.num_samples, self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        """Batches of the pass `epoch`, as lists."""
        return (batch.tolist() for batch in self.batches())

    def batches(self) -> Iterator[IndexArray]:
        """Batches of the pass `epoch`, as int64 arrays."""
        first, self._first_batch = self._first_batch, 0
        return self._batches(self.epoch, first)

    def _batches(self, epoch: int, first: int) -> Iterator[IndexArray]:
        size = self.batch_size
        stop_all = min(self.num_samples, len(self) * size)
        for start, stop in _chunks(first * size, stop_all, size):
            chunk = _visited(self.num_samples, self.seed, epoch, start, stop, self.shuffle)
            for offset in range(0, len(chunk), size):
                yield chunk[offset : offset + size]


def _visited(
    num_samples: int, seed: int, epoch: int, start: int, stop: int, shuffle: bool
) -> IndexArray:
    if shuffle:
        return shuffled(num_samples, seed=seed, epoch=epoch, start=start, stop=stop)
    return np.arange(start, stop, dtype=np.int64)


def _chunks(start: int, stop: int, multiple: int) -> Iterator[tuple[int, int]]:
    """Ranges from start to stop that grow; all but the last are multiples of `multiple` long."""
    size = FIRST_CHUNK
    while start < stop:
        end = min(stop, start + max(size // multiple, 1) * multiple)
        yield start, end
        start, size = end, min(2 * size, LAST_CHUNK)


def _check(num_samples: int, seed: int) -> None:
    """Refuse what the order of a pass would refuse, before a pass begins."""
    shuffled(num_samples, seed=seed, epoch=0, stop=0)
