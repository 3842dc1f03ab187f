"""Training at rising learning rates, which leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autrainer.callbacks.progress import Progress
from autrainer.config.schema.run import RunConfig
from autrainer.engine.interfaces import Batch
from autrainer.engine.loading import batches_of
from autrainer.engine.threads import intra_op_threads
from autrainer.engine.update import SkippedBatch
from autrainer.training.build import Parts
from autrainer.training.trying.parts import mult_adds_of, parts_tried
from autrainer.training.trying.rates import Array, Divergence, RateCurve, rising_rates


def try_rates(
    config: RunConfig, first: float, last: float, num_steps: int, *, shows_bar: bool
) -> RateCurve:
    """Train from scratch, each step at a higher learning rate, until the loss diverges.

    Model, optimizer, data and their order are those of the run, without its schedule. No run folder
    is made, and generators and settings of torch are as they were afterwards.

    Args:
        config: Configuration of the run, checked.
        first: Learning rate of the first step.
        last: Learning rate of the last one.
        num_steps: How many steps.
        shows_bar: Show a progress bar.

    Returns:
        The learning rates and losses of the steps that were made.

    Raises:
        AutrainerError: if a part cannot be built.
    """
    with parts_tried(config) as parts:
        return _tried(parts, config, rising_rates(first, last, num_steps), shows_bar)


def _tried(parts: Parts, config: RunConfig, rates: Array, shows_bar: bool) -> RateCurve:
    scales = [group["lr"] / config.training.learning_rate for group in parts.optimizer.param_groups]
    losses: list[float] = []
    divergence = Divergence()
    move = parts.mover("train")
    bar = Progress("Try rates", len(rates), disabled=not shows_bar)
    size = config.training.batch_size
    with bar, intra_op_threads(mult_adds_of(config, parts), size, parts.device):
        for rate, batch in zip(rates, _batches(parts), strict=False):
            for group, scale in zip(parts.optimizer.param_groups, scales, strict=True):
                _set_rate(group, float(rate) * scale)
            losses.append(_loss(parts, move(batch)))
            bar.advance()
            if divergence.has_come(losses[-1]):
                break
    if losses and not np.isfinite(losses[-1]):
        losses.pop()
    return RateCurve(rates[: len(losses)], np.asarray(losses))


def _loss(parts: Parts, batch: Batch) -> float:
    """Update the model on a batch; the mean of its losses before that."""
    probabilities_fn = parts.data.target_transform.probabilities_training
    try:
        loss, _ = parts.update.step(parts.model, batch, parts.criterion, probabilities_fn)
    except SkippedBatch as skipped:
        loss = skipped.loss
    return float(loss.detach().mean())


def _set_rate(group: dict[str, Any], rate: float) -> None:
    """Set the rate of a group of parameters, which may be a tensor that is used in place."""
    if hasattr(group["lr"], "fill_"):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def _batches(parts: Parts) -> Iterator[Batch]:
    """Batches of pass after pass."""
    while True:
        for batch in batches_of(parts.train_loader, parts.device):
            if batch is not None:
                yield batch
