"""Starting from the states of an earlier run: `model_checkpoint` and its siblings."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from autrainer.config.schema.problems import Problem
from autrainer.config.schema.sections.model import CheckpointSection
from autrainer.engine.stateful import check_alike
from autrainer.errors import ConfigError, CorruptFileError, ProcessLostError
from autrainer.optimizers.shapes import check_shapes
from autrainer.runs.state.torch_files import Stateful, read_state
from autrainer.training.checks.constructor_errors import is_about_memory

log = logging.getLogger(__name__)


def missing_files(checkpoints: CheckpointSection) -> list[Problem]:
    """Files that do not exist."""
    fix = f"relative paths start at {Path.cwd()}"
    return [
        Problem(f"model.{key}", f"is {path!r}, which does not exist", fix)
        for key, path in checkpoints.files.items()
        if not Path(path).is_file()
    ]


def load_model_state(model: torch.nn.Module, checkpoints: CheckpointSection) -> None:
    """Load the model's checkpoint, if there is one, into a model.

    Raises:
        ConfigError: if the states do not fit the model.
    """
    if checkpoints.model_checkpoint is None:
        return
    state = read_state(checkpoints.model_checkpoint)
    strict = not checkpoints.skip_last_layer
    if checkpoints.skip_last_layer:
        skipped = _last_layer(model)
        state = {k: v for k, v in state.items() if k not in skipped}
    else:
        skipped = frozenset()
    try:
        missing, unexpected = model.load_state_dict(state, strict=strict)
    except RuntimeError as error:
        hint = "" if not strict else "; skip_last_layer: true takes a model of other classes"
        raise ConfigError(
            f"model.model_checkpoint {checkpoints.model_checkpoint!r} does not fit "
            f"{type(model).__name__}: {error}{hint}"
        ) from error
    unused = sorted(set(missing) - skipped)
    if unused or unexpected:
        log.warning(
            "%s leaves %s as initialised and has no place for %s",
            checkpoints.model_checkpoint,
            unused or "nothing",
            unexpected or "nothing",
        )


def load_optimizer_state(
    optimizer: torch.optim.Optimizer,
    model: torch.nn.Module,
    checkpoints: CheckpointSection,
    device: torch.device,
) -> None:
    """Load the optimizer's checkpoint, if there is one; the run keeps its own learning rate.

    With `skip_last_layer` the state of the last layer's parameters is left out, whatever the
    optimizer keeps for a parameter and whether or not the layer has a bias.
    """
    path = checkpoints.optimizer_checkpoint
    if path is None:
        return
    state = read_state(path, device)
    groups = optimizer.state_dict()["param_groups"]
    if [len(group["params"]) for group in groups] != [
        len(group["params"]) for group in state.get("param_groups", [])
    ]:
        raise ConfigError(
            f"model.optimizer_checkpoint {path!r} has other parameter groups "
            f"than {type(optimizer).__name__} of this model"
        )
    kept = dict(state.get("state") or {})
    if checkpoints.skip_last_layer:
        for position in _positions(optimizer, model, _last_layer(model)):
            kept.pop(position, None)
    try:
        optimizer.load_state_dict({"state": kept, "param_groups": groups})
        check_shapes(optimizer)
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"model.optimizer_checkpoint {path!r} is of another model or optimizer: {error}"
        ) from error


def load_scheduler_state(scheduler: Any, checkpoints: CheckpointSection) -> None:
    """Load the scheduler's checkpoint, if there is one."""
    if checkpoints.scheduler_checkpoint is not None and scheduler is not None:
        scheduler.load_state_dict(read_state(checkpoints.scheduler_checkpoint))


def load_part(part: Stateful, state: Any, path: Path) -> None:
    """Give a part of this run a state that was read from a file.

    Raises:
        CorruptFileError: naming the file, if it is the state of something else.
    """
    with fitting(str(path)):
        check_alike(state, part.state_dict(), path.name)
        part.load_state_dict(state)
        if isinstance(part, torch.optim.Optimizer):
            check_shapes(part)


@contextmanager
def fitting(place: str, way_out: str = "") -> Iterator[None]:
    """Errors of the block, raised again with the place that the state came from.

    Raises:
        CorruptFileError: naming the place. Errors of the system, processes that are lost, and too
            little memory, say nothing about the state and stay as they are.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError | ProcessLostError) or is_about_memory(error):
            raise
        # What torch has to say takes many lines.
        reason = " ".join(str(error).split())
        what = f"{place} does not fit this run ({type(error).__name__}: {reason})"
        raise CorruptFileError(f"{what}; {way_out}" if way_out else what) from error


def _last_layer(model: torch.nn.Module) -> frozenset[str]:
    """Names of the parameters of the last linear or convolutional layer."""
    kinds = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
    names = [name for name, module in model.named_modules() if isinstance(module, kinds)]
    if not names:
        return frozenset()
    prefix = f"{names[-1]}." if names[-1] else ""
    return frozenset({f"{prefix}weight", f"{prefix}bias"})


def _positions(
    optimizer: torch.optim.Optimizer, model: torch.nn.Module, names: frozenset[str]
) -> list[int]:
    """Places of named parameters in the order in which the optimizer counts them."""
    wanted = {id(p) for name, p in model.named_parameters() if name in names}
    ordered = [p for group in optimizer.param_groups for p in group["params"]]
    return [position for position, p in enumerate(ordered) if id(p) in wanted]
