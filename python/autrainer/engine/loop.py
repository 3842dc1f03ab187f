"""The two ways of counting iterations: by epoch and by step.

A loop decides when an iteration begins and ends, and nothing else. What is done to a batch is
`TrainingStep`; what is done at the end of an evaluation period is `PeriodHooks.end`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from autrainer.callbacks.progress import Progress
from autrainer.engine.interfaces import Batch, Batches
from autrainer.engine.loading import batches_of
from autrainer.engine.step import Hooks, TrainingStep
from autrainer.runs.stage_clock import DATA, OTHER, StageClock


@dataclass(frozen=True)
class Position:
    """Where a run is.

    Args:
        iteration: The iteration that is in progress or due, as the run counts them.
        batch: In epoch training, batches of this epoch that have been trained on.
        is_within: The evaluation period has begun: losses and outputs of it are kept.
    """

    iteration: int
    batch: int = 0
    is_within: bool = False

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Position:
        """The position that a state has.

        Raises:
            ValueError: if there cannot be such a one.
        """
        at = cls(**kept)
        is_count = type(at.iteration) is int and type(at.batch) is int
        if not is_count or at.iteration < 1 or at.batch < 0 or type(at.is_within) is not bool:
            raise ValueError(f"a run cannot be at {dict(kept)}")
        return at


class StateSaver(Protocol):
    """Keeps the state of a run, so that it can go on where it was."""

    def after_step(self, iteration: int, batch: int, *, ends_period: bool) -> None:
        """Called after every step, with where the run is then.

        Args:
            iteration: The epoch in progress, or the step that is due.
            batch: In epoch training, batches of this epoch that have been trained on.
            ends_period: An evaluation comes next.
        """

    def after_iteration(self, position: Position) -> None:
        """Called at the end of an iteration, with where the run is then."""

    def restore_random(self) -> None:
        """Called before the first step of a run that goes on within an iteration."""


class PeriodHooks(Protocol):
    """What surrounds the training between two evaluations."""

    @property
    def is_stopping(self) -> bool:
        """Whether training is to end with the iteration in progress, or the one just ended."""

    @property
    def is_stopping_after_step(self) -> bool:
        """The same, asked after a step that does not end the period."""

    def seed(self, iteration: int) -> None:
        """Make all random numbers that follow depend on the seed and this iteration alone."""

    def begin(self, iteration: int) -> None:
        """Prepare for the iterations from this one on."""

    def resume(self) -> None:
        """Take up a period that has begun in an earlier attempt."""

    def end(self, iteration: int) -> None:
        """Evaluate after this iteration and keep what came out."""


class _Loop:
    """What both loops are given.

    Args:
        loader: Yields the batches of a pass.
        step: Trains on a batch.
        period: Called before and after each evaluation period.
        hooks: Who listens.
        eval_frequency: Iterations between two evaluations; the last one is always evaluated.
        show_progress: Show a bar for every epoch, or for every evaluation period of steps.
        device: Where a loader that brings its batches to a device brings them.
        clock: Told when the loop waits for a batch.
        saver: Keeps the state of the run; None keeps nothing.
    """

    def __init__(
        self,
        loader: Batches,
        step: TrainingStep,
        period: PeriodHooks,
        hooks: Hooks,
        *,
        eval_frequency: int,
        show_progress: bool,
        device: torch.device | str = "cpu",
        clock: StageClock | None = None,
        saver: StateSaver | None = None,
    ) -> None:
        self._saver = saver
        self._loader = loader
        self._step = step
        self._period = period
        self._hooks = hooks
        self._eval_frequency = eval_frequency
        self._show_progress = show_progress
        self._device = torch.device(device)
        self._enter = (clock or StageClock()).enter

    def _ends_period(self, iteration: int, last: int) -> bool:
        """Whether there is an evaluation after an iteration."""
        is_due = iteration % self._eval_frequency == 0 or iteration == last
        return is_due or self._period.is_stopping


class EpochLoop(_Loop):
    """Trains by epoch: an iteration is one pass over the train set."""

    def run(self, first: int, last: int, resumed: Position | None = None) -> None:
        """Train the epochs from `first` to `last`, both included.

        Args:
            first: The first epoch.
            last: The last epoch.
            resumed: Where an earlier attempt was, in the first epoch.
        """
        at = resumed or Position(first)
        if resumed == Position(first) and self._period.is_stopping:
            # Asked for in an earlier attempt, in the epoch before.
            return
        for epoch in range(first, last + 1):
            self._hooks.fire("cb_on_iteration_begin", iteration=epoch)
            if not at.is_within:
                self._period.begin(epoch)
            elif at is resumed:
                self._period.resume()
            if at.batch and self._saver is not None:
                self._saver.restore_random()
            else:
                self._period.seed(epoch)
            self._train_pass(epoch, last, at.batch)
            at = self._end(epoch, last)
            if self._period.is_stopping:
                return

    def _end(self, epoch: int, last: int) -> Position:
        """End an epoch, and the period if it is over; where the run is then."""
        ends_period = self._ends_period(epoch, last)
        if ends_period:
            self._period.end(epoch)
        self._hooks.fire("cb_on_loader_exhausted", iteration=epoch)
        if not ends_period and self._period.is_stopping:
            ends_period = True
            self._period.end(epoch)
        at = Position(epoch + 1, is_within=not ends_period)
        if self._saver is not None:
            self._saver.after_iteration(at)
        return at

    def _train_pass(self, epoch: int, last: int, done: int) -> None:
        saver, length = self._saver, len(self._loader)
        title = f"Train {epoch}/{last}"
        with Progress(title, length, disabled=not self._show_progress) as bar:
            for _ in range(done):
                bar.advance()
            self._enter(DATA)
            for batch_idx, batch in enumerate(batches_of(self._loader, self._device), done):
                self._step(epoch, batch_idx, batch)
                bar.advance()
                if saver is not None:
                    is_last = batch_idx + 1 == length and self._ends_period(epoch, last)
                    saver.after_step(epoch, batch_idx + 1, ends_period=is_last)
                self._enter(DATA)
            self._enter(OTHER)


class StepLoop(_Loop):
    """Trains by step: an iteration is one optimizer step; passes follow each other without end."""

    def run(self, first: int, last: int, resumed: Position | None = None) -> None:
        """Train the steps from `first` to `last`, both included.

        Args:
            first: The first step.
            last: The last step.
            resumed: Where an earlier attempt was: at the first step.
        """
        at = resumed or Position(first)
        batches = self._batches(first)
        try:
            if at.is_within and self._ends_period(first - 1, last):
                # All steps of the period had been taken, and it had not been evaluated.
                self._period.resume()
                at = self._end(first - 1)
            if resumed is not None and not at.is_within and self._period.is_stopping:
                # Asked for in an earlier attempt, in the step before.
                return
            while first <= last:
                done = (first - 1) % self._eval_frequency
                until = min(last, first + self._eval_frequency - 1 - done)
                self._hooks.fire("cb_on_iteration_begin", iteration=first)
                self._begin(at)
                at = self._end(self._train(batches, first, until))
                first = at.iteration
                if self._period.is_stopping:
                    return
        finally:
            batches.close()

    def _end(self, step: int) -> Position:
        """End the period with this step; where the run is then."""
        self._period.end(step)
        at = Position(step + 1)
        if self._saver is not None:
            self._saver.after_iteration(at)
        return at

    def _begin(self, at: Position) -> None:
        if at.is_within and self._saver is not None:
            self._period.resume()
            self._saver.restore_random()
        else:
            self._period.begin(at.iteration)
            self._period.seed(at.iteration)

    def _train(self, batches: Iterator[tuple[int, Batch | None]], first: int, until: int) -> int:
        """Take the steps of a period; the last step that was taken."""
        title = f"Train {first}-{until}"
        with Progress(title, until - first + 1, disabled=not self._show_progress) as bar:
            for step in range(first, until + 1):
                self._enter(DATA)
                _, batch = next(batches)
                self._step(step, (step - 1) % self._eval_frequency, batch)
                bar.advance()
                is_last = step == until or self._period.is_stopping_after_step
                if self._saver is not None:
                    self._saver.after_step(step + 1, 0, ends_period=is_last)
                if is_last:
                    break
            self._enter(OTHER)
        return step

    def _batches(self, step: int) -> Generator[tuple[int, Batch | None]]:
        """The step and its batch, for ever; a new pass begins where one is exhausted."""
        while True:
            for batch in batches_of(self._loader, self._device):
                yield step, batch
                step += 1
            self._enter(OTHER)
            self._hooks.fire("cb_on_loader_exhausted", iteration=step)
            self._enter(DATA)
