"""The exponential moving average of a model's weights: a model of its own, which is evaluated."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel


@dataclass(frozen=True)
class AverageOptions:
    """How weights are averaged.

    Args:
        decay: Share that the average keeps of itself at an update.
        warmup: Keep less at first: at update t at most (1 + t) / (10 + t), as the moving average
            of TensorFlow with `num_updates`. Without it a short run ends close to the weights that
            it began with.
        every: Updates between two averages.
        average_buffers: Average floating-point buffers, such as statistics of batch norm, instead
            of copying them.
    """

    decay: float
    warmup: bool = True
    every: int = 1
    average_buffers: bool = False

    def decay_at(self, number: int) -> float:
        """The share that the average with this number, from 0 on, keeps."""
        return min(self.decay, (1 + number) / (10 + number)) if self.warmup else self.decay


class WeightAverage:
    """A second model whose weights follow those of the one that is trained.

    `average = decay * average + (1 - decay) * weights`, after an update that changed the model.
    Integer buffers are copied, and so are all buffers unless they are averaged.

    Args:
        model: The model that is trained, on its device.
        options: How its weights are averaged.

    Attributes:
        model: The model with the averaged weights. Its state has the keys of the trained one.
        num_updates: Updates that have been seen.

    Raises:
        ConfigError: if the model cannot be copied.
    """

    def __init__(self, model: AbstractModel, options: AverageOptions) -> None:
        self._options = options
        self.num_updates = 0
        try:
            self.model: AbstractModel = copy.deepcopy(model)
        except Exception as error:
            raise ConfigError(
                f"ema needs a copy of the model, and {type(model).__name__} cannot be copied: "
                f"{error}; let it take `copy.deepcopy`, or remove ema"
            ) from error
        self.model.requires_grad_(False).eval()
        self._averaged, self._copied = self._tensors(self.model)

    def update(self, model: torch.nn.Module) -> None:
        """Follow the weights of a model after an update.

        Args:
            model: The model that is trained; a callback may have put another one in its place.

        Raises:
            ConfigError: if it has other parameters than the averaged one.
        """
        number, self.num_updates = self.num_updates, self.num_updates + 1
        if self.num_updates % self._options.every:
            return
        averaged, copied = self._tensors(model)
        if [each.shape for each in averaged] != [each.shape for each in self._averaged]:
            raise ConfigError(
                "ema follows a model whose parameters have changed since the run began; remove "
                "ema, or replace the model before the run is built"
            )
        if self._averaged:
            _follow(self._averaged, averaged, self._options.decay_at(number // self._options.every))
        with torch.no_grad():
            for own, found in zip(self._copied, copied, strict=True):
                own.copy_(found)

    def _tensors(self, model: torch.nn.Module) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """What is averaged, and what is copied."""
        averaged: list[torch.Tensor] = []
        copied: list[torch.Tensor] = []
        for parameter in model.parameters():
            (averaged if _is_number(parameter) else copied).append(parameter.detach())
        for buffer in model.buffers():
            is_averaged = self._options.average_buffers and _is_number(buffer)
            (averaged if is_averaged else copied).append(buffer)
        return averaged, copied


def _follow(own: list[torch.Tensor], found: list[torch.Tensor], decay: float) -> None:
    """Move tensors towards others, all of them at once."""
    get_ema_multi_avg_fn(decay)(own, found, 0)  # type: ignore[no-untyped-call]


def _is_number(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()
