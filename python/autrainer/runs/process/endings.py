"""How the processes of a run have ended, told to each other and to whoever started them."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import autrainer.errors
from autrainer.errors import (
    AutrainerError,
    ProcessFailedError,
    ProcessLostError,
    RunInterruptedError,
    message_of,
)

DONE, FAILED, LOST, INTERRUPTED = "done", "failed", "lost", "interrupted"
"""`LOST` is the end of a process that could not reach another one: what that one says counts."""


class Store(Protocol):
    """A store of torch: texts by name, the same for all processes."""

    def set(self, key: str, value: str) -> Any:
        """Keep a text."""

    def get(self, key: str) -> bytes:
        """A text that is there."""

    def check(self, keys: list[str]) -> bool:
        """Whether all of these are there."""


class RemoteTraceback(Exception):
    """The traceback of an error in another process, as a text."""

    def __init__(self, rank: int, text: str) -> None:
        super().__init__()
        self._rank, self._text = rank, text

    def __str__(self) -> str:
        return f"in rank {self._rank}\n{self._text}"


@dataclass(frozen=True)
class Ending:
    """How a process of a run has ended.

    Args:
        rank: Its number.
        kind: `done`, `failed`, `lost` or `interrupted`.
        ended_s: When, as the clock of its machine says.
        type: Name of the class of its error.
        message: What that says.
        traceback: Where it was raised.
        signal: The signal that has asked it to stop; 0 for none.
        saved: Whether it goes on where it was.
    """

    rank: int
    kind: str
    ended_s: float = 0.0
    type: str = ""
    message: str = ""
    traceback: str = ""
    signal: int = 0
    saved: bool = False

    @classmethod
    def of(cls, rank: int, error: BaseException | None) -> Ending:
        """The ending by an error, or without one."""
        if error is None:
            return cls(rank, DONE, time.time())
        kind = FAILED
        if isinstance(error, ProcessLostError | ProcessFailedError):
            kind = LOST
        elif isinstance(error, KeyboardInterrupt):
            kind = INTERRUPTED
        stopped = error if isinstance(error, RunInterruptedError) else None
        return cls(
            rank,
            kind,
            time.time(),
            type(error).__qualname__,
            message_of(error),
            "".join(traceback.format_exception(error)),
            0 if stopped is None else stopped.exit_code - 128,
            stopped is not None and stopped.saved,
        )

    def as_error(self, *, named: bool) -> Exception:
        """The error in this process; its cause is the traceback of the other one.

        Args:
            named: Whether to say which process it was. Else an error of ours is of its own class.
        """
        known = getattr(autrainer.errors, self.type, None)
        error: Exception = ProcessFailedError(f"rank {self.rank}: {self.type}: {self.message}")
        if not named and isinstance(known, type) and issubclass(known, AutrainerError):
            try:
                error = known(self.message)
            except TypeError:
                # Of those that are made of more than a sentence, the sentence is enough.
                error = ProcessFailedError(self.message)
        error.__cause__ = RemoteTraceback(self.rank, self.traceback)
        return error


class Endings:
    """Where the processes of a run tell how they have ended.

    Args:
        store: Their store.
        world_size: How many there are.
    """

    def __init__(self, store: Store, world_size: int) -> None:
        self._store, self._world_size = store, world_size

    def tell(self, ending: Ending) -> None:
        """Tell how this process has ended."""
        self._store.set(_key(ending.rank), json.dumps(asdict(ending)))

    def told(self) -> list[Ending]:
        """What has been told so far."""
        keys = [_key(rank) for rank in range(self._world_size)]
        there = [key for key in keys if self._store.check([key])]
        return [Ending(**json.loads(self._store.get(key))) for key in there]


def first_failure(endings: Sequence[Ending]) -> Ending | None:
    """The failure that came before all others; those that follow from it do not count."""
    failures = [ending for ending in endings if ending.kind == FAILED]
    return min(failures, key=lambda ending: ending.ended_s, default=None)


def _key(rank: int) -> str:
    return f"autrainer/ended/{rank}"
