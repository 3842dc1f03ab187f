"""Errors of training as a user needs them: what a run held, and what does not fit together."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import torch

from autrainer.config.error_places import is_of_user
from autrainer.config.hydra.key_sources import Sources
from autrainer.config.plain import Plain
from autrainer.config.schema.run import RunConfig
from autrainer.errors import AutrainerError, ConfigError, OutOfMemoryError
from autrainer.training.checks.constructor_errors import (
    CONSTRUCTOR_ERRORS,
    is_about_memory,
    sentence_of,
)
from autrainer.training.checks.shapes import Seen
from autrainer.training.resuming.run_views import FailedRun

GIB = 2**30

STEPS = ("autrainer.engine.step", "autrainer.engine.evaluate", "autrainer.engine.update")
"""Modules whose functions hold `batch`, then `output`, then `loss`, as far as they come."""

CALLBACKS = "autrainer.callbacks.dispatch"
"""What comes through this module was raised by a listener."""


def explained(error: BaseException, run: FailedRun) -> BaseException:
    """An error as a user needs it.

    Of memory: with figures and advice. Of a model or a criterion that does not take what it is
    given: with the shapes. Any other as it is.
    """
    if isinstance(error, AutrainerError):
        return error
    if is_about_memory(error):
        return _caused_by(_out_of_memory(error, run), error)
    misfit = _misfit(error, run)
    return error if misfit is None else _caused_by(misfit, error)


def _caused_by(told: BaseException, error: BaseException) -> BaseException:
    """The error with its cause, as `raise` would give it: so that a file can hold both."""
    told.__cause__ = error
    return told


def _out_of_memory(error: BaseException, run: FailedRun) -> OutOfMemoryError:
    training, micro = run.config.training, run.config.updates.micro_batch_size
    at_once = min(micro or training.batch_size, training.batch_size)
    advice = (
        f"try micro_batch_size={at_once // 2}, with which updates stay the same"
        if at_once > 1
        else "try a smaller model"
    ) + ", a smaller inference_batch_size, or train_loader_kwargs.num_workers=0"
    return OutOfMemoryError(
        f"there was not enough memory on {run.DEVICE} with batch_size {training.batch_size} "
        f"and inference_batch_size {training.inference_batch_size} ({_held(run.DEVICE)}); "
        f"{advice}. What torch said: {str(error).splitlines()[0] if str(error) else error!r}"
    )


def _misfit(error: BaseException, run: FailedRun) -> ConfigError | None:
    """An error of model or criterion as one of shapes that do not fit; None if it is another.

    What users raise themselves is left as it is, and so is what a model does not take that has
    taken a sample of the same shape.
    """
    if not isinstance(error, (*CONSTRUCTOR_ERRORS, IndexError)) or _is_raised_by_user(error):
        return None
    seen = _seen_by(error)
    if seen is None:
        return None
    if seen.output is not None:
        problem = run.fit.criterion_problem(seen, error)
        return ConfigError(problem.line(Sources.of_job()))
    # A model without a summary has failed on the first sample.
    is_known = run.mult_adds is not None
    if is_known and getattr(seen.batch.features, "shape", ())[1:] == run.sample_shape:
        return None
    return ConfigError(model_misfit(run.config, seen, error))


def model_misfit(config: RunConfig, seen: Seen, error: BaseException) -> str:
    """An error of a model as a sentence about the features that it was given."""
    model, dataset, features = config.model, config.dataset, seen.batch.features
    dtype = str(getattr(features, "dtype", "")).removeprefix("torch.")
    return (
        f"the model {model.id}, {model.target.described('transform')}, does not work on samples of "
        f"the dataset {dataset.id}, whose features are {dtype} {seen.shape_of(features)}: "
        f"{sentence_of(error)}{_size_to_try(model.target.written, features)}"
    )


def _size_to_try(model: Plain, features: Any) -> str:
    """The size of its input that a model may have to be told, as a hint."""
    width = getattr(features, "shape", (None,))[-1]
    named = [
        name
        for name, value in model.items()
        if isinstance(value, int) and ("input" in name or name.startswith("in_")) and value != width
    ]
    return f"; try model.{named[0]}={width}" if len(named) == 1 else ""


def _is_raised_by_user(error: BaseException) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and is_of_user(frames[-1].f_code.co_filename)


def _seen_by(error: BaseException) -> Seen | None:
    """What the frames of a failed step hold; None if neither model nor criterion has failed."""
    found: dict[str, Any] = {}
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__")
        if module == CALLBACKS:
            return None
        if module in STEPS:
            found |= frame.f_locals
    if "batch" not in found or "loss" in found:
        return None
    return Seen(found["batch"], found.get("output"))


def _held(device: torch.device) -> str:
    if device.type == "cuda":
        held = torch.cuda.memory_allocated(device) / GIB
        most = torch.cuda.max_memory_allocated(device) / GIB
        free, total = (amount / GIB for amount in torch.cuda.mem_get_info(device))
        return f"{held:.2f} GiB held, {most:.2f} at most; {free:.2f} of {total:.2f} GiB free"
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        found = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
        held, most = (int(found[name].split()[0]) / 2**20 for name in ("VmRSS", "VmHWM"))
    except (OSError, KeyError, ValueError, IndexError):
        return "memory held is unknown"
    return f"{held:.2f} GiB held, {most:.2f} at most"
