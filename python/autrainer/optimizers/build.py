"""From the optimizer of a configuration to an optimizer over a model."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from autrainer.config.instantiate import build
from autrainer.config.locate import locate
from autrainer.config.plain import Plain
from autrainer.config.schema.problems import refuse
from autrainer.config.schema.sections.optimizer import OptimizerSection
from autrainer.errors import ConfigError
from autrainer.fast.optimizers import keep_dynamo_out
from autrainer.optimizers.groups import parameter_groups, with_rates

FUSED = (torch.optim.Adam, torch.optim.AdamW)
"""Optimizers that update all parameters in one pass unless the configuration says how they work."""

_WAYS = ("fused", "foreach", "capturable", "differentiable")


def build_optimizer(
    config: OptimizerSection | Plain, model: torch.nn.Module, learning_rate: float
) -> torch.optim.Optimizer:
    """Build an optimizer over the parameters of a model.

    Adam and AdamW are fused unless the configuration says how they work (`fused: false`).

    Args:
        config: The section, or a plain mapping with `_target_` and arguments of the class;
            `weight_decay`, `apply_weight_decay_to_bias`, `apply_weight_decay_to_norm` and
            `learning_rate_factors` decide about parameter groups (see `parameter_groups` and
            `with_rates`) and are not passed on.
        model: The model, on its device.
        learning_rate: Goes to the optimizer as `lr`.

    Raises:
        ConfigError: if the target is no optimizer or does not take its arguments.
    """
    section = config if isinstance(config, OptimizerSection) else OptimizerSection.read(config)
    refuse(section.problems)
    target, decay = section.target, section.decay
    kind = locate(target.path, "optimizer._target_") if target.path else None
    if inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer):
        keep_dynamo_out(kind)
    if decay.weight_decay is not None:
        _refuse_unknown_decay(kind, decay.weight_decay)
    groups = parameter_groups(
        model,
        decay.weight_decay,
        apply_weight_decay_to_bias=decay.apply_weight_decay_to_bias,
        apply_weight_decay_to_norm=decay.apply_weight_decay_to_norm,
    )
    if section.factors:
        groups = with_rates(groups, model, section.factors, learning_rate)
    ways: dict[str, bool] = {}
    if kind in FUSED and not any(way in target.arguments for way in _WAYS) and _can_be_fused(model):
        ways["fused"] = True
    # A single group goes in as plain parameters: some classes (LBFGS) take nothing else.
    params = groups[0]["params"] if [*map(list, groups)] == [["params"]] else groups
    optimizer: torch.optim.Optimizer = build(
        target, torch.optim.Optimizer, params=params, lr=learning_rate, **ways
    )
    return optimizer


def _can_be_fused(model: torch.nn.Module) -> bool:
    return all(
        parameter.is_floating_point() and parameter.device.type in ("cpu", "cuda")
        for parameter in model.parameters()
    )


def _refuse_unknown_decay(kind: Any, weight_decay: float) -> None:
    try:
        parameters = inspect.signature(kind).parameters
    except (TypeError, ValueError):
        return
    is_open = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if "weight_decay" not in parameters and not is_open:
        raise ConfigError(
            f"optimizer.weight_decay is {weight_decay!r}, but {kind.__name__} knows no weight "
            "decay; remove the key or choose another optimizer"
        )
