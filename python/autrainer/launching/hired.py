"""A worker as a pool sees it, on this machine or on another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any, Protocol

from autrainer.launching.messages import Setup
from autrainer.launching.processes import LEAVE_S, Output


class Hired(Protocol):
    """What a pool needs of a worker.

    Attributes:
        connection: Where its messages come from.
        outputs: Pipes of what it prints.
    """

    connection: Connection
    outputs: list[Output]

    def send(self, message: object) -> None:
        """Send a message; one that has died hears nothing."""

    def received(self) -> Iterator[Any]:
        """Messages that are there by now."""

    @property
    def has_hung_up(self) -> bool:
        """Whether nothing more will come from it."""

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""

    def exit_code(self, wait_s: float = LEAVE_S) -> int:
        """Its exit code, once it has ended; it is ended if that takes longer."""

    def told_end(self, code: int) -> str:
        """How it has ended, in words."""

    @property
    def is_short_of_memory(self) -> bool:
        """Whether it is known to have been ended because memory had run out where it was."""

    def kill(self) -> None:
        """End it at once."""

    def leave(self) -> None:
        """Ask it to leave at once."""

    def close(self) -> None:
        """Close what leads to it; may be called again."""


MakeWorker = Callable[[Setup, Mapping[str, str]], Hired]
"""Makes a worker, of what it has in common with this process and its environment."""
