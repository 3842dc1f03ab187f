"""Which parameters decay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

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


def _owned_parameters(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Parameter]]:
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                yield module, name, parameter


def _is_bias(name: str) -> bool:
    return "bias" in name.split("_")
