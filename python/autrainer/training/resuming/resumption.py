"""Going on where a run was: what is kept of it while it trains, and how it is taken back."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

from autrainer.config.schema.intervals import SaveInterval
from autrainer.engine.loop import Position
from autrainer.errors import RunInterruptedError
from autrainer.optimizers.shapes import check_shapes
from autrainer.runs.process.signals import Requests
from autrainer.runs.random.generators import (
    check_random_state,
    set_state_of_process,
    states_of_processes,
)
from autrainer.runs.state.resumable import ResumableState, ResumableStates, RowFiles
from autrainer.runs.state.torch_files import Stateful
from autrainer.training.resuming.checkpoints import fitting
from autrainer.training.resuming.run_views import KeptRun

log = logging.getLogger(__name__)

WORTH_KEEPING_S = 30.0
"""Training of so many seconds is kept before an evaluation, so that it can be left at any time."""


class Resumption:
    """Keeps the state of a trainer up to date on disk, and gives back an earlier one.

    Args:
        trainer: The trainer.
        states: Where states are kept.
        found: What was kept of an earlier attempt, or None.
        every: How often to keep the state within an iteration.
    """

    def __init__(
        self,
        trainer: KeptRun,
        states: ResumableStates,
        found: ResumableState | None,
        every: SaveInterval,
    ) -> None:
        self._trainer = trainer
        self._states = states
        self._found = found
        self._every = every
        self._is_alone = trainer.runtime.process.is_alone
        self._random: Mapping[str, Any] | None = None
        self._is_on: bool = trainer.config.resuming.resume
        # In the middle of a pass only a loader that knows its place can go on.
        self._keeps_within = self._is_on and isinstance(trainer.train_loader, Stateful)
        self._requests = Requests()
        # What all processes know: a signal may come behind the moment at which they have agreed.
        self._heard = self._requests if self._is_alone else Requests()
        self._steps = 0
        self._kept_s = time.monotonic()
        tracker = trainer.train_tracker
        self._rows = (
            RowFiles(lambda: (0, 0), lambda start: {})
            if tracker is None
            else RowFiles(tracker.rows_state, tracker.rows_since)
        )

    @property
    def is_resumed(self) -> bool:
        """Whether this run goes on from an earlier attempt."""
        return self._found is not None

    def follow(self, requests: Requests) -> None:
        """Look at these requests after every step from now on."""
        self._requests = requests
        self._trainer.update.ask_when(self._has_to_talk)
        if self._is_alone:
            self._heard = requests

    def restore_listeners(self) -> None:
        """Give listeners back what they kept, before training begins.

        Raises:
            CorruptFileError: if the state is sound but does not fit this run.
        """
        if self._found is None:
            return
        with self._fitting():
            kept: Mapping[str, Any] = self._found.tree["listeners"]
            for name, listener in _listeners(self._trainer):
                if name in kept:
                    listener.load_state_dict(kept[name])

    def restore(self) -> Position | None:
        """Take back the state of the earlier attempt, if there is one; where to go on.

        Raises:
            CorruptFileError: if the state is sound but does not fit this run.
        """
        if self._found is None:
            return None
        tree, trainer = self._found.tree, self._trainer
        with self._fitting():
            position = Position.read(tree["position"])
            check_random_state(tree["random"])
            trainer.stateful.load_state_dict(tree)
            check_shapes(trainer.optimizer)
            if trainer.train_tracker is not None:
                trainer.train_tracker.restore_rows(self._found.rows)
                self._rows.resume(self._found.row_files)
        self._release_found()
        log.info(
            "Resuming at %s %d%s",
            trainer.training_type,
            position.iteration,
            f", after batch {position.batch}" if position.batch else "",
        )
        return position

    def _fitting(self) -> AbstractContextManager[None]:
        return fitting(str(self._states.folder), "remove it to start the run anew")

    def restore_random(self) -> None:
        """Let random numbers go on as they did; the last thing before the next batch."""
        if self._random is not None:
            set_state_of_process(self._random, self._trainer.runtime.process)
            self._random = None

    def after_step(self, iteration: int, batch: int, *, ends_period: bool) -> None:
        """Keep the state where it is due, after a step.

        Raises:
            RunInterruptedError: if the run was asked to stop; its state is on disk.
        """
        self._steps += 1
        is_due = self._keeps_within and self._is_due(ends_period) and not self._states.is_writing
        if not self._is_alone:
            # At the end of a period all of them look: an evaluation may take long.
            talks = ends_period or self._trainer.update.is_asked
            is_due = self._agree(is_due=is_due) if talks else False
        if self._heard.any:
            self._handle_request(Position(iteration, batch, is_within=True))
        elif is_due:
            self.keep(Position(iteration, batch, is_within=True))

    def after_iteration(self, position: Position) -> None:
        """Keep the state at the end of an iteration.

        Raises:
            RunInterruptedError: if the run was asked to stop; its state is on disk.
        """
        if self._is_on:
            self.keep(position)
        if not self._is_alone:
            self._agree()
        if self._heard.any:
            self._handle_request(position, is_kept=self._is_on)

    def keep(self, position: Position) -> None:
        """Copy the state now and write it in the background."""
        self._steps = 0
        self._kept_s = time.monotonic()
        self._states.write({"position": asdict(position), **_collected(self._trainer)}, self._rows)

    def leave_if_asked(self) -> None:
        """Called where this process works alone: what was trained is kept, or trained again.

        Raises:
            RunInterruptedError: if it was asked to stop.
        """
        stop = self._requests.stop if self._requests.any else None
        if stop is not None:
            self._trainer.bookkeeping.background.join()
            raise RunInterruptedError(stop, saved=False)

    def leave_together(self) -> None:
        """Called between the batches of an evaluation, by all processes: as `leave_if_asked`.

        Raises:
            RunInterruptedError: if one of them was asked to stop.
        """
        if not self._is_alone:
            self._agree()
        self._leave_if_asked(saved=False)

    def _leave_if_asked(self, *, saved: bool) -> None:
        # `any` looks at the clock as well.
        stop = self._heard.stop if self._heard.any else None
        if stop is not None:
            self._trainer.folder.wait_for_files()
            raise RunInterruptedError(stop, saved=saved)

    def _has_to_talk(self) -> bool:
        """Whether something is to be agreed on after the step in progress, which is known by it."""
        if self._requests.any:
            return True
        is_main = self._trainer.runtime.is_main and self._keeps_within
        return is_main and self._is_due(False, 1) and not self._states.is_writing

    def _agree(self, *, is_due: bool = False) -> bool:
        """Let all processes know what one of them was asked for, and whether a state is due.

        When that is, the main process decides: only it has a disk to wait for.
        """
        runtime, requests = self._trainer.runtime, self._requests
        due = int(is_due and runtime.is_main)
        # Also looks at the clock.
        _ = requests.any
        stop, saves, due = runtime.largest(int(requests.stop or 0), int(requests.save), due)
        self._heard.take(stop)
        self._heard.save = bool(saves)
        if saves:
            requests.save = False
        return bool(due)

    def _is_due(self, ends_period: bool, steps_more: int = 0) -> bool:
        every, age_s = self._every, time.monotonic() - self._kept_s
        if ends_period and age_s >= WORTH_KEEPING_S:
            return True
        if every.steps is not None:
            return self._steps + steps_more >= every.steps
        return every.seconds is not None and age_s >= every.seconds

    def _handle_request(self, position: Position, *, is_kept: bool = False) -> None:
        if self._keeps_within and not is_kept:
            self.keep(position)
        self._heard.save = False
        self._leave_if_asked(saved=is_kept or self._keeps_within)

    def _release_found(self) -> None:
        assert self._found is not None
        self._random = self._found.tree["random"]
        # The tensors have been taken over, and are as large as the model.
        self._found.tree.clear()
        self._found.rows.clear()


def _collected(trainer: KeptRun) -> dict[str, Any]:
    return {
        **trainer.stateful.state_dict(),
        "random": states_of_processes(trainer.runtime.communicator),
        "listeners": {name: part.state_dict() for name, part in _listeners(trainer)},
    }


def _listeners(trainer: KeptRun) -> Iterator[tuple[str, Any]]:
    """Whoever listens and keeps a state, by a name that is the same in the next attempt."""
    parts = [trainer.data, *trainer.listeners.listed, trainer.continue_training]
    for position, part in enumerate(parts):
        if part is not None and isinstance(part, Stateful):
            yield f"{position} {type(part).__qualname__}", part
