"""Channels of sounds and colours of images."""

from __future__ import annotations

import torch

from autrainer.errors import DataError
from autrainer.features.settings import Step
from autrainer.transforms.base import BatchTransform
from autrainer.transforms.checks import need_dims


class StereoToMono(BatchTransform):
    """The mean of all channels: (C, N) to (1, N), floating point.

    Args:
        order: Position in the pipeline.
    """

    def __init__(self, order: int = -95) -> None:
        super().__init__(order=order)

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """One channel."""
        need_dims(self, features.shape[1:], 2, "(channels, samples)")
        # One is its own mean; torch would wake its threads for it.
        one = features.shape[1] == 1
        return floating(features) if one else floating(features).mean(dim=1, keepdim=True)

    def native_steps(self) -> tuple[Step, ...]:
        """The mean of two channels; of more, the core leaves it to this."""
        return (("mix_down", 1),)


class RGBAToRGB(BatchTransform):
    """The first three channels: (4, H, W) to (3, H, W).

    Args:
        order: Position in the pipeline.
    """

    def __init__(self, order: int = -95) -> None:
        super().__init__(order=order)

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """At most three channels."""
        return features[:, :3]


class RGBToGrayscale(BatchTransform):
    """Luma of an image, 0.2989 R + 0.587 G + 0.114 B (ITU-R 601-2): (3, H, W) to (1, H, W).

    One channel stays as it is, so that images of both kinds may be mixed. Channels after the third
    are ignored. Integer images keep their dtype; fractions are cut off.

    Args:
        order: Position in the pipeline.
    """

    def __init__(self, order: int = 100) -> None:
        super().__init__(order=order)

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """One channel."""
        shape = features.shape[1:]
        need_dims(self, shape, 3, "(3, height, width)")
        if shape[0] == 1:
            return features
        if shape[0] < 3:
            raise DataError(
                "RGBToGrayscale needs one channel or three and more; got features of shape "
                f"{tuple(shape)}; where these are grey images with transparency, save them without"
            )
        red, green, blue = floating(features[:, :3]).unbind(1)
        grey: torch.Tensor = red * 0.2989 + green * 0.587 + blue * 0.114
        return grey.to(features.dtype).unsqueeze(1)


class GrayscaleToRGB(BatchTransform):
    """Three channels: missing ones are filled with the mean of those present.

    The dtype is kept; three channels or more stay as they are.

    Args:
        order: Position in the pipeline.
    """

    def __init__(self, order: int = 100) -> None:
        super().__init__(order=order)

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """At least three channels."""
        need_dims(self, features.shape[1:], 3, "(channels, height, width)")
        channels = features.shape[1]
        if channels >= 3:
            return features
        if channels == 1:
            return features.repeat(1, 3, 1, 1)
        mean = floating(features).mean(dim=1, keepdim=True)
        if not features.is_floating_point():
            mean = mean.round()
        return torch.cat([features, mean.to(features.dtype)], dim=1)


def floating(features: torch.Tensor) -> torch.Tensor:
    """The features themselves if they are floating point, otherwise as float32."""
    return features if features.is_floating_point() else features.float()
