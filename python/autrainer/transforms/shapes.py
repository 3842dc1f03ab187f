"""Longer, shorter, square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from autrainer.errors import ConfigError, DataError
from autrainer.features.settings import Crop
from autrainer.runs.random.keys import Draws, Key, current_key
from autrainer.transforms.base import AbstractTransform, BatchTransform, FeaturesTransform
from autrainer.transforms.checks import need_dims, number, one_of, positive_int
from autrainer.transforms.random import RandomStream

MOST_LOUD = 1e38
"""Values up to here are floats, and so is the sum of two."""

_EXPANSIONS = ("pad", "replicate")
_INTERPOLATIONS = ("nearest", "nearest-exact", "bilinear", "bicubic")


class _FillsUp(AbstractTransform):
    """Appends a value to short features; zero is not written down, as in older versions."""

    value: float

    @property
    def hidden_arguments(self) -> Sequence[str]:
        """What is not written down."""
        return [*super().hidden_arguments, *([] if self.value else ["value"])]


class Expand(_FillsUp, BatchTransform):
    """Features of at least a certain length along an axis.

    Args:
        size: Length to reach; longer features stay as they are.
        method: `pad` appends `value`, `replicate` starts again from the beginning.
        axis: The axis to lengthen.
        order: Position in the pipeline.
        value: What `pad` appends: where zero is loud, as in decibels, silence is far below.
    """

    def __init__(
        self,
        size: int,
        method: str = "pad",
        axis: int = -2,
        order: int = -85,
        value: float = 0,
    ) -> None:
        super().__init__(order=order)
        self.size = positive_int(self, "size", size)
        self.method = one_of(self, "method", method, _EXPANSIONS)
        self.axis = axis
        self.value = number(self, "value", value)

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The features, long enough."""
        axis = range(1, features.dim())[self.axis]
        return expand(features, self.size, self.method, axis, self.value)


class RandomCrop(_FillsUp, FeaturesTransform):
    """A random stretch of a certain length along an axis; short features are expanded first.

    In a loader, where to cut belongs to seed, epoch and index of the sample. Outside it draws from
    a generator of its own, seeded from torch's global one when first used.

    As the first transform of sound, or behind `StereoToMono`, a crop along its samples (axis -1)
    lets loaders read no more of a file than it takes.

    Args:
        size: Length to cut out.
        method: How short features are expanded, as in `Expand`.
        axis: The axis to cut.
        fix_randomization: Always cut at the same relative position: in loaders it follows from
            their seed, size and axis, outside it is drawn once.
        order: Position in the pipeline.
        value: What `pad` appends, as in `Expand`.
    """

    def __init__(
        self,
        size: int,
        method: str = "pad",
        axis: int = -2,
        fix_randomization: bool = False,
        order: int = -90,
        value: float = 0,
    ) -> None:
        super().__init__(order=order)
        self.size = positive_int(self, "size", size)
        self.method = one_of(self, "method", method, _EXPANSIONS)
        self.axis = axis
        self.fix_randomization = fix_randomization
        self.value = number(self, "value", value)
        self._stream = RandomStream()
        self._position: float | None = None

    def change(self, features: torch.Tensor) -> torch.Tensor:
        """A view of the features, or expanded features."""
        features = expand(features, self.size, self.method, self.axis, self.value)
        num_starts = features.shape[self.axis] - self.size + 1
        return features.narrow(self.axis, self._start(num_starts), self.size)

    def offset_generator_seed(self, offset: int) -> None:
        """Draw a new seed, from the generator of the worker that calls this."""
        if not self.fix_randomization:
            self._stream.restart()

    def native_crop(self) -> Crop | None:
        """The same stretch of sound, if it is samples that are cut."""
        if self.axis not in (-1, 1) or not abs(self.value) <= MOST_LOUD:
            return None
        value = float(self.value) if self.method == "pad" else None
        return Crop(self.size, value, self.fix_randomization)

    def crop_bits(self, key: Key) -> int:
        """The random bits that tell where a sample is cut under a key."""
        if self.fix_randomization:
            return Draws(key.seed, self.size, self.axis).bits()
        return key.draws(self._stream, self._stream.name).bits()

    def _start(self, num_starts: int) -> int:
        if not self.fix_randomization:
            return self._stream.integer(0, num_starts)
        key = current_key()
        if key is not None:
            return int(Draws(key[0], self.size, self.axis).uniform() * num_starts)
        if self._position is None:
            self._position = self._stream.uniform()
        return int(self._position * num_starts)


class SquarePadCrop(BatchTransform):
    """A square image, centred: (C, H, W) to (C, M, M).

    Args:
        mode: `pad` adds zeros up to the longer side, `crop` cuts down to the shorter one.
        order: Position in the pipeline.
    """

    def __init__(self, mode: str = "pad", order: int = -91) -> None:
        super().__init__(order=order)
        self.mode = one_of(self, "mode", mode, ("pad", "crop"))

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The square."""
        need_dims(self, features.shape[1:], 3, "(channels, height, width)")
        height, width = features.shape[-2:]
        if self.mode == "crop":
            side = min(height, width)
            top, left = round((height - side) / 2), round((width - side) / 2)
            return features[..., top : top + side, left : left + side]
        side = max(height, width)
        extra_h, extra_w = side - height, side - width
        padding = [extra_w // 2, extra_w - extra_w // 2, extra_h // 2, extra_h - extra_h // 2]
        return functional.pad(features, padding)


class Resize(BatchTransform):
    """An image of another size: (C, H, W) to (C, height, width), in its dtype.

    Args:
        height: Height in pixels, or `Any`.
        width: Width in pixels, or `Any`. If one of the two is `Any`, the *shorter* edge of the
            image gets the other's size and the aspect ratio is kept.
        interpolation: `nearest`, `nearest-exact`, `bilinear` or `bicubic`.
        antialias: Smooth before making smaller (bilinear and bicubic only).
        order: Position in the pipeline.
    """

    def __init__(
        self,
        height: int | str = 64,
        width: int | str = 64,
        interpolation: str = "bilinear",
        antialias: bool = True,
        order: int = -90,
    ) -> None:
        super().__init__(order=order)
        if height == "Any" and width == "Any":
            raise ConfigError(
                "Resize: height and width are both 'Any'; give at least one in pixels"
            )
        self.height = height if height == "Any" else positive_int(self, "height", height)
        self.width = width if width == "Any" else positive_int(self, "width", width)
        self.interpolation = one_of(self, "interpolation", interpolation, _INTERPOLATIONS)
        self.antialias = antialias

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The image in its new size."""
        need_dims(self, features.shape[1:], 3, "(channels, height, width)")
        size = self._size(*features.shape[-2:])
        if size == tuple(features.shape[-2:]):
            return features
        return _resize(features, size, self.interpolation, self.antialias)

    def _size(self, height: int, width: int) -> tuple[int, int]:
        if isinstance(self.height, int) and isinstance(self.width, int):
            return self.height, self.width
        shorter = self.width if self.height == "Any" else self.height
        assert isinstance(shorter, int)
        longer = int(shorter * max(height, width) / min(height, width))
        return (shorter, longer) if height <= width else (longer, shorter)


def expand(
    features: torch.Tensor, size: int, method: str, axis: int, value: float = 0
) -> torch.Tensor:
    """Features that are at least `size` long along an axis.

    Raises:
        DataError: if there is nothing to replicate, or the features cannot hold the value.
    """
    length = features.shape[axis]
    if length >= size:
        return features
    if method == "pad":
        # `pad` counts the axes from the last one, two numbers for each.
        padding = [0, 0] * (features.dim() - 1 - axis % features.dim()) + [0, size - length]
        _check_holds(features, value)
        return functional.pad(features, padding, value=value)
    if length == 0:
        raise DataError(
            f"features of shape {tuple(features.shape)} have nothing to replicate along axis {axis}"
        )
    return features.index_select(axis, torch.arange(size, device=features.device) % length)


def _check_holds(features: torch.Tensor, value: float) -> None:
    if features.is_floating_point() or not value or features.is_complex():
        return
    limits = torch.iinfo(torch.uint8 if features.dtype == torch.bool else features.dtype)
    if not (float(value).is_integer() and limits.min <= value <= limits.max):
        raise DataError(
            f"features of {str(features.dtype).removeprefix('torch.')} cannot be filled up with "
            f"{value}; use another value, or make them floating point before"
        )


def _resize(
    features: torch.Tensor, size: tuple[int, int], interpolation: str, antialias: bool
) -> torch.Tensor:
    smooth: dict[str, Any] = {}
    if interpolation in ("bilinear", "bicubic"):
        smooth = {"antialias": antialias, "align_corners": False}
    exact = features if features.is_floating_point() else features.float()
    resized = functional.interpolate(exact, size=size, mode=interpolation, **smooth)
    if features.is_floating_point():
        return resized
    limits = torch.iinfo(features.dtype)
    return resized.round().clamp(limits.min, limits.max).to(features.dtype)
