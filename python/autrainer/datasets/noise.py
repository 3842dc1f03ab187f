"""Random numbers with random access: row i of a table can be drawn without the rows before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 32
PURPOSE = 0x6E6F697365  # keeps these streams apart from others with the same seed


@dataclass(frozen=True)
class NoiseTable:
    """A table of uniform noise that is never stored.

    Row i takes the blocks i * b to (i + 1) * b of a Philox 4x64 stream whose key is the seed, where
    b blocks of 32 bytes hold a row. So a row depends on the seed and on i alone.
    Reference: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.

    Args:
        seed: Key of the stream.
        shape: Shape of a row.
        dtype: `float32` for [0, 1) in steps of 2^-24, `uint8` for 0 to 255.
    """

    seed: int
    shape: tuple[int, ...]
    dtype: str

    def rows(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Rows start to stop, shape (stop - start, *shape)."""
        num_values = math.prod(self.shape)
        item_bytes = 4 if self.dtype == "float32" else 1
        blocks = -(-num_values * item_bytes // BLOCK_BYTES)
        stream = np.random.Philox(key=[self.seed, PURPOSE], counter=start * blocks)
        words = stream.random_raw((stop - start) * blocks * BLOCK_BYTES // 8)
        table = words.astype("<u8", copy=False).view("<u4" if item_bytes == 4 else np.uint8)
        values = table.reshape(stop - start, -1)[:, :num_values]
        if item_bytes == 4:
            values = (values >> 8).astype(np.float32) * np.float32(2**-24)
        return np.ascontiguousarray(values).reshape(stop - start, *self.shape)

    def take(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Some rows; those that follow each other are drawn at once."""
        indices = np.asarray(indices, dtype=np.int64)
        if len(indices) and bool((np.diff(indices) == 1).all()):
            return self.rows(int(indices[0]), int(indices[-1]) + 1)
        return np.concatenate([self.rows(row, row + 1) for row in indices.tolist()])
