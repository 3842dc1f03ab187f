"""What a pool and its workers tell each other, pickled, through a pair of sockets."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

from autrainer.config.error_places import sentence
from autrainer.errors import AutrainerError, message_of


@dataclass(frozen=True)
class Setup:
    """What a worker has in common with the process that starts it; its first message.

    Args:
        path: Where modules are found.
        arguments: `sys.argv`.
        job_name: Hydra's name of the job.
        version_base: The version of Hydra whose defaults are taken.
        threads: Threads of the numerical libraries; 0 leaves them as they are.
        ends_later: A run may be written to its end beside the next one.
    """

    path: list[str]
    arguments: list[str]
    job_name: str
    version_base: str
    threads: int
    ends_later: bool = False


@dataclass(frozen=True)
class Check:
    """Look for problems with classes, in configurations that have been read."""

    configs: list[Any]


@dataclass(frozen=True)
class Train:
    """Train a run.

    Args:
        config: Its composed configuration with the `hydra` node, pickled.
        directory: Its folder.
    """

    config: bytes
    directory: str


@dataclass(frozen=True)
class Stop:
    """Stop the run that trains, as this signal asks; without a run, end."""

    signal: int


@dataclass(frozen=True)
class Save:
    """Keep the state of the run that trains."""


@dataclass(frozen=True)
class End:
    """End; there is nothing more to do."""


@dataclass(frozen=True)
class Ready:
    """Everything that a run needs has been imported."""


@dataclass(frozen=True)
class Problems:
    """What `Check` has found, by configuration, or the error that came up."""

    found: list[Any]
    error: Failure | None = None


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Args:
        iteration: The last one that was evaluated; 0 at the beginning.
        initial: The first one that this attempt trains.
        last: The last one that is to be trained.
        metric: Name of the tracking metric.
        value: Its value.
    """

    iteration: int
    initial: int
    last: int
    metric: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Trained:
    """The run has trained, and ends beside the next one; `Ended` follows when it is on disk."""


@dataclass(frozen=True)
class Said:
    """A record of the log that is for the screen too."""

    level: int
    text: str


@dataclass(frozen=True)
class Printed:
    """Lines that a run has printed, where no pipe leads to the pool.

    Args:
        lines: The lines.
        stream: 1 for stdout, 2 for stderr.
    """

    lines: list[str]
    stream: int


@dataclass(frozen=True)
class Ended:
    """A run has ended.

    Args:
        state: `done`, `finished before`, `failed` or `interrupted`.
        value: What the task has returned.
        failure: Why it failed.
        signal: What has interrupted it.
        is_saved: Whether an interrupted run goes on where it was.
        directory: Folder of a run that has ended beside the next one.
    """

    state: str
    value: Any = None
    failure: Failure | None = None
    signal: int = 0
    is_saved: bool = False
    directory: str = ""


class WorkerTraceback(Exception):
    """The traceback of an error in another process, as a text; the cause of that error here."""


@dataclass(frozen=True)
class Failure:
    """An error on its way to another process.

    Args:
        pickled: The error, or nothing if it cannot be pickled.
        sentence: Type and message.
        traceback: The whole traceback as a text.
        is_explained: An error of this package that nothing else has caused needs no traceback.
    """

    pickled: bytes
    sentence: str
    traceback: str
    is_explained: bool

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Pack an error."""
        import traceback

        text = "".join(traceback.format_exception(error))
        is_explained = isinstance(error, AutrainerError) and error.__cause__ is None
        return cls(_pickled(error), sentence(error), text, is_explained)

    def error(self) -> BaseException:
        """The error, or another one with its message where its class cannot be had here."""
        found: BaseException
        try:
            found = pickle.loads(self.pickled)
        except Exception:
            found = RuntimeError(self.sentence)
        if not self.is_explained:
            found.__cause__ = WorkerTraceback(f"\n{self.traceback}")
        return found


def _pickled(error: BaseException) -> bytes:
    """An error as bytes that give the same message again; none where that is not so."""
    try:
        packed = pickle.dumps(error)
        same = pickle.loads(packed)
    except Exception:
        return b""
    is_same = type(same) is type(error) and message_of(same) == message_of(error)
    return packed if is_same else b""
