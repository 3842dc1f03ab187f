"""What the parts of a run that keep, continue and explain it see of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import torch

from autrainer.config.plain import Plain
from autrainer.config.schema.run import RunConfig
from autrainer.engine.interfaces import Batches
from autrainer.engine.runtime import Runtime
from autrainer.engine.stateful import StatefulParts
from autrainer.engine.update import Update
from autrainer.runs.folder import Bookkeeping
from autrainer.runs.process.signals import Requests
from autrainer.runs.state.torch_files import Stateful
from autrainer.runs.writing.outputs import OutputsTracker
from autrainer.training.checks.conditions import Conditions
from autrainer.training.checks.shapes import Fit
from autrainer.training.ending import Ending
from autrainer.training.recording.history import History
from autrainer.training.run_folder import RunFolder


class KeptRun(Protocol):
    """What resuming sees of a run."""

    runtime: Runtime
    data: Any
    folder: RunFolder
    listeners: Any
    continue_training: Any
    optimizer: torch.optim.Optimizer
    update: Update
    train_loader: Batches
    train_tracker: OutputsTracker | None
    training_type: str
    config: RunConfig
    bookkeeping: Bookkeeping
    stateful: StatefulParts


class Resuming(Protocol):
    """What a run that goes on from a shorter one asks of resuming."""

    @property
    def is_resumed(self) -> bool:
        """Whether this run goes on from an earlier attempt."""

    def leave_if_asked(self) -> None:
        """Leave the run if it was asked to stop."""


class ContinuingRun(Protocol):
    """What going on from a shorter run sees of the longer one."""

    runtime: Runtime
    output_directory: Path
    run_config: Plain
    training_type: str
    bookkeeping: Bookkeeping
    conditions: Conditions
    history: History

    @property
    def resumption(self) -> Resuming:
        """What keeps its state."""

    def states(self) -> Mapping[str, Stateful]:
        """The parts whose states are saved for users, by file name."""

    def folder_of(self, iteration: int | None) -> str:
        """Name of the folder of an iteration."""

    def best_in(self, history: History) -> int | None:
        """The best iteration of a history."""

    def restore(self, history: History, timers: Path, states: Path) -> None:
        """Go on from another run's metrics, times and states."""


class Following(Protocol):
    """What keeps the state of a run, as far as an attempt to train it is concerned."""

    def follow(self, requests: Requests) -> None:
        """Look at these requests after every step from now on."""


class FailedRun(Protocol):
    """What explaining an error sees of the run in which it was raised."""

    DEVICE: torch.device
    config: RunConfig
    fit: Fit
    mult_adds: int | None
    sample_shape: tuple[int, ...]


class AttemptedRun(FailedRun, Protocol):
    """What an attempt to train a run sees of it."""

    output_directory: Path
    bookkeeping: Bookkeeping
    folder: RunFolder
    conditions: Conditions
    ending: Ending

    @property
    def resumption(self) -> Following:
        """What keeps its state."""

    def threads(self) -> AbstractContextManager[None]:
        """Within the block torch uses as many intra-op threads as this run trains with."""

    def close(self) -> None:
        """Release everything; safe to call more than once."""
