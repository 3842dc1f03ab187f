"""The two ways of counting iterations: by epoch and by step.

A loop decides when an iteration begins and ends, and nothing else. What is done to a batch is
`TrainingStep`; what is done at the end of an evaluation period is `Period.end`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch

from autrainer.callbacks.progress import Progress
from autrainer.runs.stages import DATA, OTHER, StageClock
from autrainer.training.feeding import batches_of
from autrainer.training.step import Hooks, TrainingStep


class Period(Protocol):
    """What surrounds the training between two evaluations."""

    def seed(self, iteration: int) -> None:
        """Make all random numbers that follow depend on the seed and this iteration alone."""

    def begin(self, iteration: int) -> None:
        """Prepare for the iterations from this one on."""

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
    """

    def __init__(
        self,
        loader: Any,
        step: TrainingStep,
        period: Period,
        hooks: Hooks,
        *,
        eval_frequency: int,
        show_progress: bool,
        device: torch.device | str = "cpu",
        clock: StageClock | None = None,
    ) -> None:
        self._loader = loader
        self._step = step
        self._period = period
        self._hooks = hooks
        self._eval_frequency = eval_frequency
        self._show_progress = show_progress
        self._device = torch.device(device)
        self._enter = (clock or StageClock()).enter


class EpochLoop(_Loop):
    """Trains by epoch: an iteration is one pass over the train set."""

    def run(self, first: int, last: int) -> None:
        """Train the epochs from `first` to `last`, both included."""
        starts_period = True
        for epoch in range(first, last + 1):
            self._hooks.fire("cb_on_iteration_begin", iteration=epoch)
            if starts_period:
                self._period.begin(epoch)
            self._period.seed(epoch)
            title = f"Train {epoch}/{last}"
            with Progress(title, len(self._loader), disabled=not self._show_progress) as bar:
                self._enter(DATA)
                for batch_idx, batch in enumerate(batches_of(self._loader, self._device)):
                    self._step(epoch, batch_idx, batch)
                    bar.advance()
                    self._enter(DATA)
                self._enter(OTHER)
            starts_period = epoch % self._eval_frequency == 0 or epoch == last
            if starts_period:
                self._period.end(epoch)
            self._hooks.fire("cb_on_loader_exhausted", iteration=epoch)


class StepLoop(_Loop):
    """Trains by step: an iteration is one optimizer step; passes follow each other without end."""

    def run(self, first: int, last: int) -> None:
        """Train the steps from `first` to `last`, both included."""
        batches = self._batches(first)
        try:
            while first <= last:
                done = (first - 1) % self._eval_frequency
                until = min(last, first + self._eval_frequency - 1 - done)
                self._hooks.fire("cb_on_iteration_begin", iteration=first)
                self._period.begin(first)
                self._period.seed(first)
                self._train(batches, first, until)
                self._period.end(until)
                first = until + 1
        finally:
            batches.close()

    def _train(self, batches: Iterator[tuple[int, Any]], first: int, until: int) -> None:
        title = f"Train {first}-{until}"
        with Progress(title, until - first + 1, disabled=not self._show_progress) as bar:
            for _ in range(first, until + 1):
                self._enter(DATA)
                step, batch = next(batches)
                self._step(step, (step - 1) % self._eval_frequency, batch)
                bar.advance()
            self._enter(OTHER)

    def _batches(self, step: int) -> Any:
        """The step and its batch, for ever; a new pass begins where one is exhausted."""
        while True:
            for batch in batches_of(self._loader, self._device):
                yield step, batch
                step += 1
            self._enter(OTHER)
            self._hooks.fire("cb_on_loader_exhausted", iteration=step)
            self._enter(DATA)
