"""Transforms as torch modules, so that they can be part of an exported model.

A module takes a batch (B, ...) where a transform takes one sample, and works for lengths that are
not known when the model is exported.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from autrainer.data.padding import Pad
from autrainer.features import modules
from autrainer.features.settings import Step
from autrainer.transforms.base import BatchForm, batch_form, is_ours, is_random, native_steps
from autrainer.transforms.scaling import ScaleRange
from autrainer.transforms.shapes import Expand

Module = torch.nn.Module


def twin_of(transform: Any) -> Module | str:
    """A transform as a module, or why there is none.

    Args:
        transform: A transform of items.
    """
    if is_random(transform):
        return "it may give another result each time"
    form, steps = batch_form(transform), native_steps(transform)
    if steps is not None and (sound := _of_steps(steps)) is not None:
        return sound
    if form is None:
        return "it is no code of tensors"
    if is_ours(transform) and isinstance(transform, Expand):
        return Expanded(transform)
    if is_ours(transform) and isinstance(transform, ScaleRange):
        return Scaled(*transform.range)
    return Batched(form)


def _of_steps(steps: tuple[Step, ...]) -> Module | None:
    """What the core does to sound as a module; None for what a transform does in torch."""
    if not steps:
        return torch.nn.Identity()
    name, *arguments = steps[0]
    if name == "mel":
        if len(steps) == 1:
            return modules.MelSpectrogram(*arguments)
        return modules.MFCC(arguments[0], steps[1][1])
    if name == "resample":
        return modules.Resample(*arguments)
    if name == "deltas":
        return WithDeltas(*arguments)
    return None


class Batched(Module):
    """A transform that treats all samples of a batch alike, by what it does to a batch.

    Args:
        form: What the transform does, from (B, ...) to (B, ...).
    """

    def __init__(self, form: BatchForm) -> None:
        super().__init__()
        self._form = form

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The transformed batch."""
        return self._form(features)


class WithDeltas(Module):
    """The features (B, C, T, F) and their slopes, as `autrainer.transforms.Deltas`.

    Args:
        window_size: Frames that a slope is computed from.
        derivatives: How many times slopes are taken.
        in_channels: Whether they are put behind the channels, not behind the features.
    """

    def __init__(self, window_size: int, derivatives: int, in_channels: bool) -> None:
        super().__init__()
        self._slopes = modules.Deltas(window_size)
        self._derivatives = derivatives
        self._axis = 1 if in_channels else -1

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features and slopes."""
        found = [features]
        for _ in range(self._derivatives):
            found.append(self._slopes(found[-1]))
        return torch.cat(found, dim=self._axis)


class Expanded(Module):
    """Samples of at least a certain length, as `autrainer.transforms.Expand`.

    Args:
        transform: The transform.
    """

    def __init__(self, transform: Expand) -> None:
        super().__init__()
        self._size, self._axis = transform.size, transform.axis
        self._pads, self._value = transform.method == "pad", transform.value

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The samples, long enough."""
        axis = range(1, features.dim())[self._axis]
        if self._pads:
            return filled(features, axis, self._size, self._value)
        length: Any = features.shape[axis]
        places = torch.arange(torch.sym_max(length, self._size), device=features.device)
        return features.index_select(axis, places % length)


class Scaled(Module):
    """Samples stretched to a range, as `autrainer.transforms.ScaleRange`.

    Args:
        low: Lowest value of each sample.
        high: Highest value.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self._low, self._high = low, high

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The samples; constant ones stay the constant."""
        features = features if features.is_floating_point() else features.float()
        axes = tuple(range(1, features.dim()))
        lowest, highest = features.amin(axes, keepdim=True), features.amax(axes, keepdim=True)
        scaled = (features - lowest) / (highest - lowest) * (self._high - self._low) + self._low
        return torch.where(lowest == highest, features, scaled)


class Padded(Module):
    """Samples of the length to which the test set of a run was padded.

    Args:
        pad: The padding, to a fixed length.
    """

    def __init__(self, pad: Pad) -> None:
        super().__init__()
        self._axis, self._size = pad.axis, int(pad.to)
        self._value, self._crops = pad.value, pad.crop

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The samples, padded, and cropped if the run has cropped them."""
        axis = range(1, features.dim())[self._axis]
        features = filled(features, axis, self._size, self._value)
        return features.narrow(axis, 0, self._size) if self._crops else features


def filled(features: torch.Tensor, axis: int, size: int, value: float) -> torch.Tensor:
    """Samples filled up at their end, where they are shorter than `size`."""
    missing: Any = torch.sym_max(size - features.shape[axis], 0)
    # `pad` counts the axes from the last one, two numbers for each.
    padding = [0, 0] * (features.dim() - 1 - axis) + [0, missing]
    return functional.pad(features, padding, value=value)
