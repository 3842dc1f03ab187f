"""Which parameters decay, and which learn faster or slower."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from autrainer.config.parameter_patterns import check_patterns, fits
from autrainer.fast.families import RUNNING_NORMS

_NORMS: tuple[type[nn.Module], ...] = (
    *RUNNING_NORMS,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
    nn.CrossMapLRN2d,
)


def parameter_groups(
    model: nn.Module,
    weight_decay: float | None,
    apply_weight_decay_to_bias: bool = False,
    apply_weight_decay_to_norm: bool = False,
) -> list[dict[str, Any]]:
    """Parameters of a model as groups of an optimizer, each parameter once.

    Args:
        model: The model.
        weight_decay: None for a single group of all parameters, frozen ones included. Otherwise
            there are two groups of the trainable ones: with this decay, and without any.
        apply_weight_decay_to_bias: Whether biases decay: parameters with the word `bias` in their
            names, such as `bias`, `in_proj_bias` and `bias_ih_l0`.
        apply_weight_decay_to_norm: Whether the parameters of norm layers decay.
    """
    if weight_decay is None:
        return [{"params": list(model.parameters())}]
    # By identity, in order of first appearance: a tied parameter appears in several modules, and
    # does not decay if it must not in one of them.
    exempt: dict[torch.nn.Parameter, bool] = {}
    for module, name, parameter in _owned_parameters(model):
        is_exempt = (_is_bias(name) and not apply_weight_decay_to_bias) or (
            isinstance(module, _NORMS) and not apply_weight_decay_to_norm
        )
        exempt[parameter] = exempt.get(parameter, False) or is_exempt
    return [
        {
            "params": [parameter for parameter, is_exempt in exempt.items() if not is_exempt],
            "weight_decay": weight_decay,
        },
        {
            "params": [parameter for parameter, is_exempt in exempt.items() if is_exempt],
            "weight_decay": 0.0,
        },
    ]


def with_rates(
    groups: Sequence[Mapping[str, Any]],
    model: nn.Module,
    factors: Sequence[tuple[str, float]],
    learning_rate: float,
) -> list[dict[str, Any]]:
    """Split groups, so that some parameters have a learning rate of their own.

    Args:
        groups: Groups of parameters.
        model: The model.
        factors: Patterns of names of parameters, or names of modules, and what the learning rate
            is multiplied by; the first that fits counts.
        learning_rate: That of all others.

    Returns:
        Groups without `lr` where the learning rate is that of the run; none is empty.

    Raises:
        ConfigError: if a pattern fits no parameter.
    """
    names = {parameter: name for name, parameter in model.named_parameters()}
    patterns = [pattern for pattern, _ in factors]
    check_patterns("optimizer.learning_rate_factors", patterns, [*names.values()])
    split: list[dict[str, Any]] = []
    for group in groups:
        parts: dict[float, list[nn.Parameter]] = {1.0: []}
        for parameter in group["params"]:
            name = names[parameter]
            factor = next((factor for pattern, factor in factors if fits(name, pattern)), 1.0)
            parts.setdefault(factor, []).append(parameter)
        for factor, params in parts.items():
            rate = {} if factor == 1 else {"lr": learning_rate * factor}
            split.append({**group, "params": params, **rate})
    return [group for group in split if group["params"]]


def _owned_parameters(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Parameter]]:
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                yield module, name, parameter


def _is_bias(name: str) -> bool:
    return "bias" in name.split("_")
