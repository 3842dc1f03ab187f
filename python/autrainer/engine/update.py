"""One update of a model: gradients of a batch, their limits, and the optimizer's step."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import torch

from autrainer.engine.gradient_sum import GradientSum
from autrainer.engine.interfaces import Batch, Criterion, Probabilities, Result, StepFunction
from autrainer.engine.micro_batches import micro_batches
from autrainer.engine.precision import Precision
from autrainer.engine.runtime import Runtime
from autrainer.engine.sharded_gradients import ShardedGradients
from autrainer.engine.sharding import Sharding, whole
from autrainer.errors import ConfigError
from autrainer.fast.gradients import backward_of_mean, forget_gradients
from autrainer.models.base import AbstractModel
from autrainer.optimizers.sam import SAM

_Forward: TypeAlias = Callable[[Batch], Result]
"""Losses and outputs of a batch, or of a part of it."""

_Way: TypeAlias = Callable[[_Forward, Batch | None, AbstractModel], Result]
"""An update of a model; of a batch that is None this process has no sample."""


class SkippedBatch(Exception):
    """An update that has not been made: a loss is not finite, and nothing has been changed.

    Args:
        loss: Unreduced losses; those that were not computed any more are zero.
    """

    def __init__(self, loss: torch.Tensor) -> None:
        super().__init__()
        self.loss = loss


@dataclass(frozen=True)
class Limits:
    """What keeps an update within bounds.

    Args:
        micro_batch_size: Samples that go through the model at once; None for the whole batch.
        max_grad_norm: Largest norm of all gradients together; larger ones are scaled down.
        max_grad_value: Largest absolute value of any gradient; larger ones are cut.
        skips_nonfinite: Leave out batches with a loss that is not finite.
    """

    micro_batch_size: int | None = None
    max_grad_norm: float | None = None
    max_grad_value: float | None = None
    skips_nonfinite: bool = False

    @property
    def clips(self) -> bool:
        """Whether gradients are limited."""
        return self.max_grad_norm is not None or self.max_grad_value is not None


class Update:
    """Updates a model by batches: the only place that computes gradients in training.

    The gradient is that of the sum of all losses divided by their number, whatever the size of
    the micro batches and the number of processes: up to rounding, and where samples do not depend
    on each other (as they do by batch norm), the update is the same.

    Args:
        optimizer: The optimizer. `LBFGS` and others that need it get a closure; `SAM` gets its two
            passes.
        precision: The numbers that the model computes with.
        limits: Micro batches, clipping, and batches to leave out.
        runtime: The other processes, which have other samples of each batch; None for none.
        sends_early: Send gradients to the other processes while the rest of them is computed.
        sharding: Has divided the model over the processes; None where each has the whole model.
        samples_per_update: Samples of a batch in all processes, but for the last one of a pass;
            with another number an update takes a little longer.

    Attributes:
        gradient_norm: Norm of the gradients of the last update before they were limited, on their
            device; None unless `max_grad_norm` is set.
        was_made: Whether the last update changed the model: with `fp16`, gradients that overflow
            are left out.

    Raises:
        ConfigError: if the optimizer cannot be used with what is asked for.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        precision: Precision | None = None,
        limits: Limits | None = None,
        runtime: Runtime | None = None,
        sends_early: bool = True,
        sharding: Sharding | None = None,
        samples_per_update: int = 1,
    ) -> None:
        self._optimizer = optimizer
        self._precision = precision or Precision()
        self._limits = limits or Limits()
        self._scaler = self._precision.scaler
        self._backward = backward_of_mean()
        self._sum: GradientSum | ShardedGradients | None = None
        self._sharding = sharding
        if runtime is not None and sharding is not None:
            self._sum = ShardedGradients(sharding, runtime, self._precision)
        elif runtime is not None and not runtime.process.is_alone:
            self._sum = GradientSum(
                optimizer, runtime.communicator, samples_per_update, sends_early=sends_early
            )
        self.was_made = True
        self.gradient_norm: torch.Tensor | None = None
        self._way: _Way = self._choose_way()
        self.step: StepFunction = self._own_step_of(optimizer) or self._step

    @property
    def mean_loss(self) -> torch.Tensor | None:
        """Mean loss of the last update over all processes; None where there is one process."""
        return None if self._sum is None else self._sum.mean_loss

    def ask_when(self, asks: Callable[[], bool]) -> None:
        """Let each update tell all processes whether one of them has to talk to the others.

        Args:
            asks: Whether this one has.
        """
        if self._sum is not None:
            self._sum.asks = asks

    @property
    def is_asked(self) -> bool:
        """Whether a process has to talk to the others after the last update."""
        return self._sum is not None and self._sum.is_asked

    def join(self, model: AbstractModel, criterion: Criterion) -> None:
        """Take part in an update of which this process has no sample.

        Raises:
            SkippedBatch: if the others have left it out.
        """
        self._step(model, None, criterion, _as_it_is)

    def _step(
        self,
        model: AbstractModel,
        data: Batch | None,
        criterion: Criterion,
        probabilities_fn: Probabilities,
    ) -> Result:
        forward = partial(self._forward, model, criterion, probabilities_fn)
        if self._sum is None:
            return self._way(forward, data, model)
        try:
            result = self._way(forward, data, model)
        except SkippedBatch:
            self._sum.share_buffers(model, criterion)
            raise
        # All processes have the same model and criterion afterwards.
        self._sum.share_buffers(model, criterion)
        return result

    def _own_step_of(self, optimizer: torch.optim.Optimizer) -> StepFunction | None:
        """The step of an optimizer that updates models by itself; None for torch's and SAM."""
        custom = getattr(optimizer, "custom_step", None)
        if self._way == self._two_passes or not callable(custom):
            return None
        if self._sum is not None:
            raise ConfigError(
                f"{type(optimizer).__name__} updates the model by itself, which several "
                "processes cannot share; use devices: 1"
            )
        self._refuse_limits(f"{type(optimizer).__name__} updates the model by itself")
        return custom  # type: ignore[no-any-return]

    def _choose_way(self) -> _Way:
        optimizer = self._optimizer
        if isinstance(optimizer, SAM) and type(optimizer).custom_step is SAM.custom_step:
            return self._two_passes
        if callable(getattr(optimizer, "custom_step", None)) or not needs_closure(optimizer):
            return self._one_step
        if self._scaler is not None:
            raise ConfigError(
                f"precision is 'fp16', which {type(optimizer).__name__} cannot do, since it "
                "computes the gradients itself; use bf16 or fp32"
            )
        # When a loss is looked at, the search along a line has changed weights already.
        self._limits = replace(self._limits, skips_nonfinite=False)
        return self._step_with_closure

    def _refuse_limits(self, reason: str) -> None:
        limits = self._limits
        wanted = {
            "micro_batch_size": limits.micro_batch_size,
            "max_grad_norm": limits.max_grad_norm,
            "max_grad_value": limits.max_grad_value,
            "precision": None if self._precision.name == "fp32" else self._precision.name,
        }
        named = [f"{key} is {value!r}" for key, value in wanted.items() if value is not None]
        if named:
            raise ConfigError(f"{' and '.join(named)}, but {reason}; remove the key")

    def _one_step(self, forward: _Forward, data: Batch | None, model: AbstractModel) -> Result:
        forget_gradients(self._optimizer)
        result = self._gradients(forward, data)
        if self._limits.clips:
            if self._scaler is not None:
                self._scaler.unscale_(self._optimizer)
            self._limit_gradients()
        if self._scaler is None:
            self._optimizer.step()
        else:
            before = self._scaler.get_scale()
            self._scaler.step(self._optimizer)
            self._scaler.update()
            self.was_made = self._scaler.get_scale() >= before
        return result

    def _step_with_closure(
        self, forward: _Forward, data: Batch | None, model: AbstractModel
    ) -> Result:
        first: list[Result] = []
        means: list[torch.Tensor | None] = []

        def closure() -> torch.Tensor:
            self._optimizer.zero_grad()
            loss, output = self._gradients(forward, data)
            if self._limits.clips:
                self._limit_gradients()
            if not first:
                first.append((loss.detach(), output.detach()))
                means.append(self.mean_loss)
            return loss.detach().mean() if self.mean_loss is None else self.mean_loss

        self._optimizer.step(closure)  # type: ignore[arg-type]
        if self._sum is not None:
            self._sum.mean_loss = means[0]
        return first[0]

    def _two_passes(self, forward: _Forward, data: Batch | None, model: AbstractModel) -> Result:
        optimizer = self._optimizer
        assert isinstance(optimizer, SAM)

        def gradients() -> Result:
            result = self._gradients(forward, data)
            if self._scaler is not None and not _undo_scale(self._scaler, optimizer):
                raise _OverflowError(result)
            return result

        self.was_made = True
        optimizer.zero_grad()
        try:
            limit = self._limit_gradients if self._limits.clips else None
            return optimizer.train_on(gradients, model, before_step=limit)
        except _OverflowError as overflow:
            # No weight has been changed, or all of them have been changed back.
            self.was_made = False
            optimizer.zero_grad()
            return overflow.result

    def _gradients(self, forward: _Forward, data: Batch | None) -> Result:
        """Add the gradients of a batch, of all processes, to those that are there."""
        if self._sum is None:
            assert data is not None
            return self._own_gradients(forward, data)
        if isinstance(self._sum, ShardedGradients):
            assert self._sharding is not None
            with self._sharding.losses_named():
                return self._sharded_gradients(self._sum, forward, data)
        return self._sum_gradients(self._sum, forward, data)

    def _sharded_gradients(
        self, gradients: ShardedGradients, forward: _Forward, data: Batch | None
    ) -> Result:
        """Add the gradients of a batch: torch sums those of all processes in each backward pass."""
        parts = [] if data is None else [*micro_batches(data, self._limits.micro_batch_size)]
        num_samples = sum(len(part.index) for part in parts)
        absences = gradients.begin(num_samples, len(parts))
        losses, outputs = [], []
        for part in parts:
            loss, output = forward(part)
            share = len(part.index) / num_samples
            losses.append(loss.detach() if loss.ndim else loss.detach() * share)
            outputs.append(output.detach())
            self._backward(loss, gradients.weight(len(part.index)))
        gradients.join(absences)
        result: Result = torch.empty(0), torch.empty(0)
        if data is not None:
            result = _joined(losses), torch.cat(outputs)
        skips = self._limits.skips_nonfinite
        # The other processes wait in the backward pass, so that the batch is left out behind it.
        is_bad = skips and not math.isfinite(result[0].sum().item())
        gradients.finish(num_samples, result[0], skips=is_bad)
        if skips and gradients.is_skipped:
            raise SkippedBatch(result[0])
        return result

    def _sum_gradients(
        self, gradient_sum: GradientSum, forward: _Forward, data: Batch | None
    ) -> Result:
        num_samples = 0 if data is None else len(data.index)
        result: Result = torch.empty(0), torch.empty(0)
        skipped: SkippedBatch | None = None
        gradient_sum.begin()
        if data is not None:
            try:
                result = self._own_gradients(forward, data)
            except SkippedBatch as skips:
                skipped = skips
        gradient_sum.finish(num_samples, result[0], skips=skipped is not None)
        if self._limits.skips_nonfinite and gradient_sum.is_skipped:
            raise skipped or SkippedBatch(result[0].detach())
        return result

    def _own_gradients(self, forward: _Forward, data: Batch) -> Result:
        """Add the gradients of the samples that this process has."""
        size = self._limits.micro_batch_size
        if size is not None and size < len(data.index):
            return self._gradients_of_parts(forward, data)
        result = forward(data)
        if self._limits.skips_nonfinite:
            _skip_nonfinite(result[0])
        if isinstance(self._sum, GradientSum):
            self._sum.watch(len(data.index))
        self._backward(result[0] if self._scaler is None else self._scaler.scale(result[0]))
        return result

    def _forward(
        self,
        model: AbstractModel,
        criterion: Criterion,
        probabilities_fn: Probabilities,
        batch: Batch,
    ) -> Result:
        # Where this fails, `training/checks/step_errors.py` looks at the names of this function.
        output = self._precision.forward(model, batch)
        return criterion(probabilities_fn(output), batch.target), output

    def _gradients_of_parts(self, forward: _Forward, data: Batch) -> Result:
        losses: list[torch.Tensor] = []
        outputs: list[torch.Tensor] = []
        num_samples = len(data.index)
        for part in micro_batches(data, self._limits.micro_batch_size):
            losses_part, outputs_part = forward(part)
            share = len(part.index) / num_samples
            losses.append(
                losses_part.detach() if losses_part.ndim else losses_part.detach() * share
            )
            outputs.append(outputs_part.detach())
            if self._limits.skips_nonfinite:
                _skip_nonfinite(_joined(losses), num_samples)
            scaled = losses_part if self._scaler is None else self._scaler.scale(losses_part)
            if isinstance(self._sum, GradientSum) and sum(map(len, outputs)) == num_samples:
                self._sum.watch(num_samples)
            self._backward(scaled, share)
        return _joined(losses), torch.cat(outputs)

    def _limit_gradients(self) -> None:
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        limits = self._limits
        if limits.max_grad_norm is not None:
            norm = torch.nn.utils.clip_grad_norm_(parameters, limits.max_grad_norm)
            self.gradient_norm = whole(norm)
        if limits.max_grad_value is not None:
            torch.nn.utils.clip_grad_value_(parameters, limits.max_grad_value)


class _OverflowError(Exception):
    """Leaves the two passes of an update: gradients of one of them are not finite."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


def _undo_scale(scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer) -> bool:
    """Undo the scale of the losses; False if gradients are not finite, and the scale is lowered."""
    before = scaler.get_scale()
    scaler.unscale_(optimizer)
    scaler.update()
    return scaler.get_scale() >= before


def _joined(losses: list[torch.Tensor]) -> torch.Tensor:
    """Losses of all parts; those that are scalars have been weighted."""
    return torch.cat(losses) if losses[0].ndim else torch.stack(losses).sum()


def _skip_nonfinite(loss: torch.Tensor, num_samples: int = 0) -> None:
    """Leave the update if a loss is not finite. Waits for the device.

    Raises:
        SkippedBatch: if so.
    """
    loss = loss.detach()
    if math.isfinite(loss.sum().item()):
        return
    if loss.ndim and len(loss) < num_samples:
        missing = loss.new_zeros(num_samples - len(loss), *loss.shape[1:])
        loss = torch.cat([loss, missing])
    raise SkippedBatch(loss)


def needs_closure(optimizer: torch.optim.Optimizer | type[torch.optim.Optimizer]) -> bool:
    """Whether the step of an optimizer computes the gradients itself."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is closure.empty


def _as_it_is(outputs: torch.Tensor) -> torch.Tensor:
    return outputs
