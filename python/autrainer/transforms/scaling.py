"""Ranges, means and variances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from autrainer.errors import ConfigError, DataError
from autrainer.transforms.base import BatchTransform
from autrainer.transforms.checks import one_of
from autrainer.transforms.colour import floating
from autrainer.transforms.moments import ChannelMoments, moments_of


class ScaleRange(BatchTransform):
    """Features stretched to a range, floating point; constant features stay the constant.

    Args:
        range: Lowest and highest value of the result, in either order; None for [0, 1].
        order: Position in the pipeline.
    """

    def __init__(self, range: Sequence[float] | None = None, order: int = 90) -> None:
        super().__init__(order=order)
        values = [0.0, 1.0] if range is None else sorted(range)
        if len(values) != 2 or values[0] == values[1]:
            raise ConfigError(
                f"ScaleRange: range is {list(range or [])!r}; give two different numbers"
            )
        self.range = values

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The features, from the lowest to the highest value of each sample."""
        features = floating(features)
        lowest, highest = features.flatten(1).aminmax(dim=1)
        shape = (-1,) + (1,) * (features.dim() - 1)
        is_constant = lowest == highest
        lowest, span = lowest.view(shape), (highest - lowest).view(shape)
        low, high = self.range
        scaled = (features - lowest).div_(span).mul_(high - low).add_(low)
        if bool(is_constant.any()):
            return torch.where(is_constant.view(shape), features, scaled)
        return scaled


class ImageToFloat(BatchTransform):
    """float32 between 0 and 1 from uint8; other dtypes stay as they are.

    Args:
        order: Position in the pipeline.
    """

    def __init__(self, order: int = 90) -> None:
        super().__init__(order=order)

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The features, divided by 255 if they are bytes."""
        return features.float().div_(255) if features.dtype == torch.uint8 else features


class Normalize(BatchTransform):
    """`(features - mean) / std` as float32, channel by channel.

    Channels are the first axis of features with one, two or three axes.

    Args:
        mean: One number, or one for each channel.
        std: One number, or one for each channel; none of them zero.
        order: Position in the pipeline.
    """

    def __init__(
        self, mean: float | Sequence[float], std: float | Sequence[float], order: int = 95
    ) -> None:
        super().__init__(order=order)
        self.mean = _plain(self, "mean", mean)
        self.std = _plain(self, "std", std)
        self._parameters = _as_tensors(self, self.mean, self.std)

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The normalised features."""
        return _normalize(self, features, *self._parameters)


class Standardizer(BatchTransform):
    """Features with mean 0 and standard deviation 1 in each channel, as measured on one split.

    What is not given is calculated in `setup`, in float64, from the features of one subset after
    the transforms that come before this one. Channels are the first axis, as in `Normalize`. A
    channel that never changes gets a standard deviation of 1, so that it becomes zero. The result
    is kept in `mean` and `std` and written with the transform: inference needs no dataset.

    Args:
        mean: Means to use, or None to calculate them.
        std: Standard deviations to use, or None to calculate them.
        subset: `train`, `dev` or `test`.
        correction: Taken from the number of values in the denominator of the variance.
        order: Position in the pipeline.
    """

    def __init__(
        self,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        subset: str = "train",
        correction: int = 1,
        order: int = -99,
    ) -> None:
        super().__init__(order=order)
        self.mean = None if mean is None else _plain(self, "mean", mean)
        self.std = None if std is None else _plain(self, "std", std)
        self.subset = one_of(self, "subset", subset, ("train", "dev", "test"))
        self.correction = correction
        self._parameters = self._ready()

    def setup(self, dataset: Any) -> None:
        """Calculate what was not given, once.

        Args:
            dataset: Its `<subset>_dataset` is read without changing it.

        Raises:
            DataError: if the features have too few or no finite values.
        """
        if self._parameters is not None:
            return
        moments = moments_of(getattr(dataset, f"{self.subset}_dataset"), before=self)
        self._learn(moments)

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The standardised features.

        Raises:
            DataError: if there was neither a `setup` nor means and standard deviations.
        """
        if self._parameters is None:
            raise DataError(
                "Standardizer has no mean and std yet; give both, or call setup(dataset) first"
            )
        return _normalize(self, features, *self._parameters)

    def _learn(self, moments: ChannelMoments) -> None:
        mean, std = moments.mean_and_std(self.correction)
        if self.mean is None:
            self.mean = mean
        if self.std is None:
            self.std = std
        self._parameters = self._ready()

    def _ready(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        if self.mean is None or self.std is None:
            return None
        return _as_tensors(self, self.mean, self.std)


def _plain(owner: object, name: str, value: float | Sequence[float]) -> float | list[float]:
    """Plain numbers, as they are written to YAML."""
    if isinstance(value, (int, float)):
        return value
    numbers = [float(number) for number in value]
    if not numbers:
        raise ConfigError(f"{type(owner).__name__}: {name} is empty; give a number per channel")
    return numbers


def _as_tensors(
    owner: object, mean: float | list[float], std: float | list[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    means = torch.tensor(mean, dtype=torch.float32).reshape(-1)
    stds = torch.tensor(std, dtype=torch.float32).reshape(-1)
    kind = type(owner).__name__
    if len(means) != len(stds) and 1 not in (len(means), len(stds)):
        raise ConfigError(
            f"{kind}: mean has {len(means)} numbers and std {len(stds)}; give as many of both"
        )
    if not bool((stds > 0).all()):
        raise ConfigError(f"{kind}: std is {std!r}; every number must be above zero")
    return means, stds


def _normalize(
    owner: object, features: torch.Tensor, mean: torch.Tensor, std: torch.Tensor
) -> torch.Tensor:
    found = tuple(features.shape[1:])
    if not 1 <= len(found) <= 3:
        raise DataError(
            f"{type(owner).__name__} works on features with one to three axes; got shape {found}"
        )
    num_channels, num_given = found[0], max(len(mean), len(std))
    if num_given not in (1, num_channels):
        raise DataError(
            f"{type(owner).__name__} has mean and std for {num_given} channels; "
            f"got features of shape {found} with {num_channels}{_conversion(owner, found)}"
        )
    shape = (-1,) + (1,) * (len(found) - 1)
    device = features.device
    centred = features.float() - mean.to(device).view(shape)
    return centred.div_(std.to(device).view(shape))


def _conversion(owner: object, found: tuple[int, ...]) -> str:
    """What to do about images of other channels; colours are converted last unless told."""
    if len(found) != 3 or found[0] > 4:
        return ""
    order = getattr(owner, "order", 0)
    return (
        f"; convert images before it, by GrayscaleToRGB, RGBAToRGB or RGBToGrayscale with an order "
        f"below {order}"
    )
