"""Averages of a model's weights: a model of its own, which is evaluated."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from autrainer.engine.sharding import Sharding, share_of
from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel

_Tensors = tuple[list[torch.Tensor], list[torch.Tensor]]


class WeightAverage:
    """A second model whose weights follow those of the one that is trained.

    `average = share * average + (1 - share) * weights`. Integer buffers are copied, and so are all
    buffers unless they are averaged.

    Args:
        model: The model that is trained, on its device.
        average_buffers: Average floating-point buffers, such as statistics of batch norm, instead
            of copying them.

    Attributes:
        key: The key of the configuration that asks for it.
        model: The model with the averaged weights. Its state has the keys of the trained one.
        num_updates: How often it has been told of new weights that count.

    Raises:
        ConfigError: if the model cannot be copied.
    """

    key = ""

    def __init__(self, model: AbstractModel, *, average_buffers: bool) -> None:
        self._average_buffers = average_buffers
        self.num_updates = 0
        try:
            self.model: AbstractModel = copy.deepcopy(model)
        except Exception as error:
            raise ConfigError(
                f"{self.key} needs a copy of the model, and {type(model).__name__} cannot be "
                f"copied: {error}; let it take `copy.deepcopy`, or remove {self.key}"
            ) from error
        self.model.requires_grad_(False).eval()
        self._own: _Tensors | None = self._tensors(self.model)

    def divide(self, sharding: Sharding) -> None:
        """Divide the averaged model over the processes of the run, as the trained one will be.

        Each process averages its share of the weights then.

        Raises:
            ConfigError: if it cannot be divided.
        """
        sharding.divide_copy(self.model)
        # Torch puts other tensors in the place of shares when they are first brought together.
        self._own = None

    @property
    def follows_updates(self) -> bool:
        """Whether it wants to be told of every update."""
        return False

    def after_update(self, model: AbstractModel) -> None:
        """Take note of an update that has changed the model.

        Args:
            model: The model that is trained; a callback may have put another one in its place.

        Raises:
            ConfigError: if it has other parameters than the averaged one.
        """

    def after_iteration(self, iteration: int, model: AbstractModel) -> None:
        """Take note of the end of an iteration that is evaluated next.

        Args:
            iteration: The epoch or step.
            model: The model that is trained.

        Raises:
            ConfigError: if it has other parameters than the averaged one.
        """

    def restart(self, num_updates: int) -> None:
        """Go on from the averaged weights of a shorter run, which has made so many updates."""

    def _follow(self, model: AbstractModel, share: float) -> None:
        """Keep a share of the average, and take the rest of a model's weights."""
        own_averaged, own_copied = self._own or self._tensors(self.model)
        averaged, copied = self._tensors(model)
        if [each.shape for each in averaged] != [each.shape for each in own_averaged]:
            raise ConfigError(
                f"{self.key} follows a model whose parameters have changed since the run began; "
                f"remove {self.key}, or replace the model before the run is built"
            )
        if averaged:
            get_ema_multi_avg_fn(share)(own_averaged, averaged, 0)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for own, found in zip(own_copied, copied, strict=True):
                own.copy_(found)

    def _tensors(self, model: AbstractModel) -> _Tensors:
        """What is averaged, and what is copied: of a divided model the share of this process."""
        averaged: list[torch.Tensor] = []
        copied: list[torch.Tensor] = []
        for parameter in model.parameters():
            (averaged if _is_number(parameter) else copied).append(share_of(parameter.detach()))
        for buffer in model.buffers():
            is_averaged = self._average_buffers and _is_number(buffer)
            (averaged if is_averaged else copied).append(buffer)
        return averaged, copied


@dataclass(frozen=True)
class EMAOptions:
    """How weights are averaged exponentially.

    Args:
        decay: Share that the average keeps of itself at an update.
        warmup: Keep less at first: at update t at most (1 + t) / (10 + t), as the moving average
            of TensorFlow with `num_updates`. Without it a short run ends close to the weights that
            it began with.
        every: Updates between two averages.
        average_buffers: Average floating-point buffers instead of copying them.
    """

    decay: float
    warmup: bool = True
    every: int = 1
    average_buffers: bool = False

    def decay_at(self, number: int) -> float:
        """The share that the average with this number, from 0 on, keeps."""
        return min(self.decay, (1 + number) / (10 + number)) if self.warmup else self.decay


class ExponentialAverage(WeightAverage):
    """The exponential moving average of the weights after each update that changed the model.

    Args:
        model: The model that is trained, on its device.
        options: How its weights are averaged.
    """

    key = "ema"

    def __init__(self, model: AbstractModel, options: EMAOptions) -> None:
        super().__init__(model, average_buffers=options.average_buffers)
        self.options = options

    @property
    def follows_updates(self) -> bool:
        """Each of them."""
        return True

    def after_update(self, model: AbstractModel) -> None:
        """Move the average towards the weights, at each update that counts."""
        number, self.num_updates = self.num_updates, self.num_updates + 1
        if self.num_updates % self.options.every == 0:
            self._follow(model, self.options.decay_at(number // self.options.every))

    def restart(self, num_updates: int) -> None:
        """Go on as if it had seen these updates."""
        self.num_updates = num_updates


class IterationAverage(WeightAverage):
    """The mean of the weights at the end of the last iterations (stochastic weight averaging).

    P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI
    2018, arXiv 1803.05407. Until the first of them the average is the model itself.

    Args:
        model: The model that is trained, on its device.
        first: The first iteration whose weights are taken.
        average_buffers: Average floating-point buffers, such as statistics of batch norm. Copied,
            they are those of the last weights and do not fit their mean.
    """

    key = "swa"

    def __init__(self, model: AbstractModel, first: int, *, average_buffers: bool = True) -> None:
        super().__init__(model, average_buffers=average_buffers)
        self.first = first

    def after_iteration(self, iteration: int, model: AbstractModel) -> None:
        """Add the weights to the mean, or take them as they are before the first that counts."""
        share = self.num_updates / (self.num_updates + 1)
        self._follow(model, share)
        if iteration >= self.first:
            self.num_updates += 1


def _is_number(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()
