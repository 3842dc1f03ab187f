"""The numbers that a model computes with: float32, bfloat16 or float16."""

from __future__ import annotations

from collections.abc import Callable

import torch

from autrainer.engine.interfaces import Batch
from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel
from autrainer.models.utils import create_model_inputs

PRECISIONS = ("fp32", "bf16", "fp16")

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

Forward = Callable[[AbstractModel, Batch], torch.Tensor]
"""`(model, batch) -> outputs`."""


class Precision:
    """How outputs are computed, and what keeps small gradients from vanishing.

    With `bf16` and `fp16`, torch's autocast decides for each operation of the forward pass whether
    it is safe to compute with 16 bits. Weights, outputs, losses and metrics stay float32.

    Args:
        name: `fp32`, `bf16` or `fp16`.
        device: Where the model is.

    Attributes:
        name: As given.
        device: As given.
        scaler: Multiplies the losses of `fp16`, whose small gradients would else be zero, by a
            factor that adapts itself; None for the others. Part of the state of a run.

    Raises:
        ConfigError: if the device does not compute with these numbers.
    """

    def __init__(self, name: str = "fp32", device: torch.device | str = "cpu") -> None:
        self.name = name
        self.device = device = torch.device(device)
        self.scaler: torch.amp.GradScaler | None = None
        self.forward: Forward = _forward
        if name == "fp32":
            return
        _check(name, device)
        self.forward = _autocast_forward(device.type, _DTYPES[name])
        if name == "fp16":
            self.scaler = torch.amp.GradScaler(device.type)


def _forward(model: AbstractModel, batch: Batch) -> torch.Tensor:
    output: torch.Tensor = model(**create_model_inputs(model, batch))
    return output


def _autocast_forward(device_type: str, dtype: torch.dtype) -> Forward:
    def forward(model: AbstractModel, batch: Batch) -> torch.Tensor:
        with torch.autocast(device_type, dtype=dtype):
            output = _forward(model, batch)
        return output.float()

    return forward


def _check(name: str, device: torch.device) -> None:
    """Whether a device computes with 16 bits: a small product is one way to find out.

    Raises:
        ConfigError: if it does not.
    """
    try:
        with torch.autocast(device.type, dtype=_DTYPES[name]):
            one = torch.ones(1, 1, device=device)
            product = one @ one
    except (RuntimeError, TypeError) as error:
        raise ConfigError(f"precision is {name!r}, which {device} cannot do: {error}") from error
    if product.dtype is not _DTYPES[name]:
        raise ConfigError(f"precision is {name!r}, which {device} cannot do; use fp32")
