"""What happens to one batch: on the way to the device, in training, and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from autrainer.callbacks.dispatch import CallbackManager, Handler
from autrainer.data.device import move_batch
from autrainer.engine.interfaces import (
    Batch,
    Criterion,
    Move,
    Probabilities,
    StepFunction,
    Tracker,
)
from autrainer.engine.nonfinite import LossGuard
from autrainer.engine.runtime import Runtime
from autrainer.engine.update import SkippedBatch
from autrainer.models.base import AbstractModel
from autrainer.runs.stage_clock import MODEL, OTHER, OUTPUTS, TRANSFER, StageClock


class Hooks:
    """The callbacks of a run, called with its trainer.

    Args:
        manager: The callback manager of the run.
        trainer: What hooks get as `trainer`.
        check: Raises if work in the background has failed; no hook is called after that.
    """

    def __init__(
        self, manager: CallbackManager, trainer: object, check: Callable[[], None] | None = None
    ) -> None:
        self._manager = manager
        self._trainer = trainer
        self._check = check

    def fire(self, event: str, **kwargs: Any) -> None:
        """Call every listener of an event.

        Raises:
            OutputError: if a file could not be written in the background since the last event.
        """
        if self._check is not None:
            self._check()
        self._manager.callback(event, trainer=self._trainer, **kwargs)

    def listeners(self, event: str) -> list[Handler]:
        """The live list of an event's listeners, so that a loop can pass over an empty one."""
        return self._manager.handlers(event)


class MeanLoss:
    """Mean over the samples of all processes, whatever the batch sizes.

    Each process adds its losses on its device; they are brought together when somebody asks.

    Args:
        runtime: Where losses are, and the other processes.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, device = runtime, runtime.device
        # Not every device has float64; there a float32 sum of batch sums has to do.
        wide = torch.float64 if device.type in ("cpu", "cuda") else torch.float32
        self._total = torch.zeros((), dtype=wide, device=device)
        self._count = 0

    def add(self, loss: torch.Tensor) -> torch.Tensor:
        """Add the unreduced losses of a batch; returns their sum, on the device."""
        total = loss.sum()
        self._total.add_(total)
        self._count += loss.numel()
        return total

    def mean(self) -> float:
        """Mean of everything added so far; NaN if that is nothing. Waits for the device."""
        total, count = self._totals()
        return total.item() / count if count else float("nan")

    def reset(self) -> None:
        """Forget everything."""
        self._total.zero_()
        self._count = 0

    def state_dict(self) -> dict[str, Any]:
        """What has been added so far; the device is not waited for."""
        total, count = self._totals()
        return {"total": total, "count": count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what had been added, in all processes; the main one has it from now on."""
        if not self._runtime.is_main:
            self.reset()
            return
        self._total.copy_(state_dict["total"])
        self._count = int(state_dict["count"])

    def _totals(self) -> tuple[torch.Tensor, int]:
        """Sum of all losses and their number, over all processes."""
        return self._runtime.reduce(self._total), sum(self._runtime.gather(self._count))


class DeviceMover:
    """Moves batches to a device, asynchronously where both sides can.

    Args:
        device: Where batches go.
        non_blocking: The loader yields pinned memory and the device copies by itself.
    """

    def __init__(self, device: torch.device, *, non_blocking: bool) -> None:
        self._device = device
        self._non_blocking = non_blocking

    def __call__(self, batch: Batch) -> Batch:
        """The batch on the device; `to` may work in place or return a new batch."""
        moved: Batch = move_batch(batch, self._device, non_blocking=self._non_blocking)
        return moved


class TrainingStep:
    """One optimizer step and everything around it.

    Args:
        function: Does forward, backward and update.
        model: The model, on the device.
        criterion: The criterion; gives unreduced losses.
        probabilities_fn: Between the outputs and the criterion.
        move: Brings a batch to the device.
        hooks: Who listens.
        losses: Takes the losses of every batch.
        tracker: Takes the outputs of every batch, or None.
        after_update: Called with the batch loss after every update (a scheduler), or None.
        check: Raises if work in the background has failed.
        guard: Looks at the losses; None looks at none.
        clock: Told what the step does.
        join: Takes part in an update of which this process has no sample; None where there is one
            process.
        mean_loss: Mean loss of the last update over all processes; None where there is one.
    """

    def __init__(
        self,
        function: StepFunction,
        *,
        model: AbstractModel,
        criterion: Criterion,
        probabilities_fn: Probabilities,
        move: Move,
        hooks: Hooks,
        losses: MeanLoss,
        tracker: Tracker | None,
        after_update: Callable[[torch.Tensor], None] | None,
        check: Callable[[], None],
        guard: LossGuard | None = None,
        clock: StageClock | None = None,
        join: Callable[[], None] | None = None,
        mean_loss: Callable[[], torch.Tensor | None] | None = None,
    ) -> None:
        self._function = function
        self._join, self._mean_loss = join, mean_loss
        self._arguments = (criterion, probabilities_fn)
        self._model = model
        self._move = move
        self._hooks = hooks
        self._losses = losses
        self._tracker = tracker
        self._after_update = after_update
        self._check = check
        self._guard = guard
        self._enter = (clock or StageClock()).enter
        self._begin = hooks.listeners("cb_on_step_begin")
        self._end = hooks.listeners("cb_on_step_end")

    def __call__(self, iteration: int, batch_idx: int, batch: Batch | None) -> None:
        """Train on one batch; None is a batch in which this process has no sample."""
        if batch is None:
            self._pass_over(iteration, batch_idx)
            return
        enter = self._enter
        enter(TRANSFER)
        batch = self._move(batch)
        if self._begin:
            enter(OTHER)
            self._hooks.fire("cb_on_step_begin", iteration=iteration, batch_idx=batch_idx)
        enter(MODEL)
        try:
            loss, output = self._function(self._model, batch, *self._arguments)
        except SkippedBatch as skipped:
            self._report_skipped(skipped.loss, batch, iteration, batch_idx)
            return
        loss = loss.detach()
        mean_loss = None if self._mean_loss is None else self._mean_loss()
        if self._after_update is not None:
            self._after_update(loss if mean_loss is None else mean_loss)
        enter(OUTPUTS)
        total = self._losses.add(loss)
        if self._guard is not None:
            self._guard.look(total, loss, batch, iteration, batch_idx)
        if self._tracker is not None:
            self._tracker.update(output.detach(), batch.target, loss, batch.index)
        self._check()
        if self._end:
            enter(OTHER)
            # Only here is the loss fetched: somebody listens, and the device has to be waited for.
            told = (loss.mean() if mean_loss is None else mean_loss).item()
            self._hooks.fire("cb_on_step_end", iteration=iteration, batch_idx=batch_idx, loss=told)

    def _pass_over(self, iteration: int, batch_idx: int) -> None:
        """Take part in an update with the samples of other processes."""
        self._enter(MODEL)
        try:
            if self._join is not None:
                self._join()
        except SkippedBatch as skipped:
            self._report_skipped(skipped.loss, None, iteration, batch_idx)
            return
        mean_loss = None if self._mean_loss is None else self._mean_loss()
        if self._after_update is not None and mean_loss is not None:
            self._after_update(mean_loss)
        self._enter(OUTPUTS)
        if self._tracker is not None:
            self._tracker.skip_batch()
        self._check()

    def _report_skipped(
        self, loss: torch.Tensor, batch: Batch | None, iteration: int, batch_idx: int
    ) -> None:
        if self._guard is not None:
            self._guard.report_skipped(loss, batch, iteration, batch_idx)
