"""The learning-rate scheduler of a run, and when it steps."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch

from autrainer.config.instantiate import build
from autrainer.config.locate import locate
from autrainer.config.schema.sections.scheduler import SchedulerSection
from autrainer.metrics import AbstractMetric
from autrainer.training.checks.constructor_errors import errors_named


@dataclass
class Schedule:
    """A learning-rate scheduler and when it steps.

    Args:
        scheduler: The scheduler.
        frequency: `batch` or `evaluation`.
        wants_metric: Its `step` needs the value of the tracking metric.
    """

    scheduler: Any
    frequency: str
    wants_metric: bool

    def after_batch(self, loss: torch.Tensor) -> None:
        """Step after an update; a scheduler that wants a metric gets the loss of the batch."""
        if self.wants_metric:
            self.scheduler.step(loss.mean().item())
        else:
            self.scheduler.step()


def build_schedule(
    section: SchedulerSection, optimizer: torch.optim.Optimizer, tracking_metric: AbstractMetric
) -> Schedule | None:
    """The schedule of a run; None if its section names no scheduler."""
    if section.is_none:
        return None
    target, frequency = section.target, section.schedule.step_frequency
    with errors_named("scheduler", target.described()):
        injected: dict[str, Any] = {"optimizer": optimizer}
        kind = locate(target.path)
        takes_mode = _wants_metric(kind) and "mode" in inspect.signature(kind).parameters
        if takes_mode and "mode" not in target.arguments:
            # A plateau of an accuracy is not where it stops falling.
            injected["mode"] = tracking_metric.suffix if frequency == "evaluation" else "min"
        scheduler = build(target, torch.optim.lr_scheduler.LRScheduler, **injected)
    # Asked of what was built: the target may be a function.
    return Schedule(scheduler, frequency, _wants_metric(type(scheduler)))


def _wants_metric(scheduler_class: Any) -> bool:
    """Whether `step` cannot be called without an argument, as that of `ReduceLROnPlateau`."""
    step = getattr(scheduler_class, "step", None)
    parameters = list(inspect.signature(step).parameters.values())[1:] if step else []
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in parameters
    )
