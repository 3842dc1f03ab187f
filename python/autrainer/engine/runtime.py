"""Where a run computes: its device, and which of how many processes this one is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch

from autrainer.runs.process.communicator import ALONE, Communicator
from autrainer.runs.process.run_process import RunProcess

Value = TypeVar("Value")


@dataclass(frozen=True)
class Runtime:
    """The place of this process in a run, and what it knows of the other processes.

    Args:
        device: Where the model is.
        communicator: Joins the processes of the run; by default there is one.
    """

    device: torch.device
    communicator: Communicator = ALONE

    @property
    def process(self) -> RunProcess:
        """Which process of the run this is."""
        return self.communicator.process

    @property
    def rank(self) -> int:
        """Number of this process."""
        return self.process.rank

    @property
    def world_size(self) -> int:
        """Number of processes of the run."""
        return self.process.world_size

    @property
    def is_main(self) -> bool:
        """Whether this is the process that owns the run folder: lock, log, bar and loggers."""
        return self.process.is_main

    def reduce(self, total: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all processes, on all of them; the tensor stays as it is."""
        return total if self.process.is_alone else self.communicator.sum(total.clone())

    def largest(self, *numbers: int) -> list[int]:
        """The largest of each number over all processes, on all of them."""
        return list(numbers) if self.process.is_alone else self.communicator.largest(numbers)

    def any(self, *claims: bool) -> list[bool]:
        """Whether each claim is true in one of the processes or more, on all of them."""
        return [*map(bool, self.largest(*map(int, claims)))]

    def gather(self, value: Value) -> list[Value]:
        """What each process holds, by rank, on all of them."""
        return self.communicator.gather(value)


@contextmanager
def main_first(runtime: Runtime) -> Iterator[None]:
    """Let the main process go through the block before the others.

    It downloads or computes what the others then find.
    """
    if not runtime.is_main:
        runtime.gather(None)
    yield
    if runtime.is_main:
        runtime.gather(None)
