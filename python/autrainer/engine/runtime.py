"""Where a run computes: its device, and which of how many processes this one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import torch

Value = TypeVar("Value")


@dataclass(frozen=True)
class Runtime:
    """The place of this process in a run. One process is a run of one.

    Args:
        device: Where the model is.
        rank: Number of this process.
        world_size: Number of processes of the run.
    """

    device: torch.device
    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that owns the run folder: lock, log, bar and loggers."""
        return self.rank == 0

    def reduce(self, total: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all processes, on all of them; of one it is the tensor."""
        return total

    def gather(self, value: Value) -> list[Value]:
        """What each process holds, by rank, on all of them."""
        return [value]

    def share(self, num: int) -> range:
        """Which of `num` things in a row this process takes: each is taken by one of them.

        >>> [list(Runtime(torch.device("cpu"), rank, 3).share(5)) for rank in range(3)]
        [[0], [1, 2], [3, 4]]
        """
        start, stop = (num * bound // self.world_size for bound in (self.rank, self.rank + 1))
        return range(start, stop)
