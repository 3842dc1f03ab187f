"""What cannot be trained with weights that are divided over processes (`strategy: fsdp`)."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch

from autrainer.config.locate import locate
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.run import RunConfig
from autrainer.engine.update import needs_closure
from autrainer.errors import ConfigError
from autrainer.optimizers.sam import SAM

KEYS = ("strategy", "compile", "precision", "sync_batchnorm", "optimizer")
"""The keys at the top of a configuration that it depends on."""

_WHOLE_WEIGHTS = (torch.optim.LBFGS, *filter(None, [getattr(torch.optim, "Adafactor", None)]))
"""Optimizers that look at whole weights, which no process has."""


def dividing_problems(config: RunConfig) -> list[Problem]:
    """What of a configuration does not go together with `strategy: fsdp`."""
    if config.compute.strategy != "fsdp":
        return []
    return [*_of_keys(config), *_of_optimizer(config)]


def _of_keys(config: RunConfig) -> Iterator[Problem]:
    compute, updates = config.compute, config.updates
    if compute.compile is not None and compute.compile.enabled:
        reason = "is given, and programs of a divided model have not been tried"
        yield _problem("compile", reason, "remove it")
    if updates.precision == "fp16":
        reason = "is 'fp16', whose overflows each process would see in its own rows alone"
        yield _problem("precision", reason, "use bf16 or fp32")
    if compute.sync_batchnorm:
        reason = "is true, and processes without samples pass through a divided model too"
        yield _problem("sync_batchnorm", reason, "leave it out")


def _of_optimizer(config: RunConfig) -> Iterator[Problem]:
    target = config.optimizer.target
    for key, path in (
        ("optimizer", target.path),
        ("optimizer.base_optimizer", target.written.get("base_optimizer")),
    ):
        kind = _class_of(path, key)
        if kind is None:
            continue
        if issubclass(kind, _WHOLE_WEIGHTS) or needs_closure(kind):
            reason = f"is {path}, which looks at whole weights"
            yield _problem(key, reason, "use an optimizer such as AdamW, SGD or SAM")
        elif callable(getattr(kind, "custom_step", None)) and not issubclass(kind, SAM):
            yield _problem(key, f"is {path}, which updates the model by itself", "use another one")


def _class_of(path: object, key: str) -> Any:
    """The class of an optimizer; None where there is none, which is told by another check."""
    try:
        kind = locate(path, key) if isinstance(path, str) else None
    except ConfigError:
        return None
    is_optimizer = inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer)
    return kind if is_optimizer else None


def _problem(key: str, reason: str, fix: str) -> Problem:
    return Problem(key, f"{reason}, and strategy is 'fsdp'", f"{fix}, or use strategy: ddp")
