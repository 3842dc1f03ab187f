"""How the processes that train a run together exchange what each of them has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from autrainer.runs.process.run_process import ONLY_PROCESS, RunProcess

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")


class Pending(Protocol):
    """A sum that is on its way."""

    def wait(self) -> object:
        """Return when it is there."""


class Communicator(Protocol):
    """Joins the processes of a run. All of them call the same methods in the same order."""

    @property
    def process(self) -> RunProcess:
        """Which process this is."""

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all processes, on all of them. The tensor may be changed."""

    def start_sum(self, tensor: torch.Tensor) -> Pending:
        """Begin to replace a tensor by its sum over all processes."""

    def copy_from_main(self, tensor: torch.Tensor) -> torch.Tensor:
        """What the main process has, on all of them. The tensor may be changed."""

    def largest(self, numbers: Sequence[int]) -> list[int]:
        """The largest of each of some numbers over all processes, on all of them."""

    def gather(self, value: Value) -> list[Value]:
        """What each process has, by rank, on all of them."""


class SingleProcess:
    """The communicator of a run of one process."""

    process = ONLY_PROCESS

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself."""
        return tensor

    def start_sum(self, tensor: torch.Tensor) -> Pending:
        """Nothing is to be waited for."""
        return _THERE

    def copy_from_main(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself."""
        return tensor

    def largest(self, numbers: Sequence[int]) -> list[int]:
        """The numbers themselves."""
        return list(numbers)

    def gather(self, value: Value) -> list[Value]:
        """The value alone."""
        return [value]


class _There:
    def wait(self) -> None:
        """Return at once."""


_THERE = _There()
ALONE = SingleProcess()
