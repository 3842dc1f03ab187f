"""How the processes that train a run together exchange what each of them has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from autrainer.runs.process.run_process import ONLY_PROCESS, RunProcess

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")


class Communicator(Protocol):
    """Joins the processes of a run. All of them call the same methods in the same order."""

    @property
    def process(self) -> RunProcess:
        """Which process this is."""

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all processes, on all of them. The tensor may be changed."""

    def gather(self, value: Value) -> list[Value]:
        """What each process has, by rank, on all of them."""


class SingleProcess:
    """The communicator of a run of one process."""

    process = ONLY_PROCESS

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself."""
        return tensor

    def gather(self, value: Value) -> list[Value]:
        """The value alone."""
        return [value]


ALONE = SingleProcess()
