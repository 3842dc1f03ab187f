"""From whatever a file handler returns to tensors."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch

from autrainer.features.settings import Step
from autrainer.transforms.base import FeaturesTransform

# Pillow modes whose pixels are bytes already.
_BYTE_MODES = ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB")


class AnyToTensor(FeaturesTransform):
    """A tensor from a tensor, a NumPy array or a Pillow image.

    Tensors stay as they are, arrays keep their dtype, images become uint8 of shape (C, H, W).

    Args:
        order: Position in the pipeline.
    """

    def __init__(self, order: int = -100) -> None:
        super().__init__(order=order)

    def change(self, features: Any) -> torch.Tensor:
        """The features as a tensor.

        Raises:
            TypeError: if they are none of the three.
        """
        if isinstance(features, torch.Tensor):
            return features
        if isinstance(features, np.ndarray):
            return tensor_from_array(features)
        # Whoever made a Pillow image has imported Pillow: no need to do it here.
        pillow = sys.modules.get("PIL.Image")
        if pillow is not None and isinstance(features, pillow.Image):
            return tensor_from_array(_pixels(features))
        raise TypeError(
            "AnyToTensor takes a tensor, a NumPy array or a Pillow image; "
            f"got {type(features).__name__}"
        )

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The same: a batch is a tensor already."""
        return features

    def native_steps(self) -> tuple[Step, ...]:
        """Nothing to do."""
        return ()


class NumpyToTensor(FeaturesTransform):
    """A tensor from a NumPy array, with its dtype; anything else is passed on untouched.

    Args:
        order: Position in the pipeline.
    """

    def __init__(self, order: int = -100) -> None:
        super().__init__(order=order)

    def change(self, features: Any) -> torch.Tensor:
        """The features, as a tensor if they were an array."""
        if isinstance(features, np.ndarray):
            return tensor_from_array(features)
        return features  # type: ignore[no-any-return]

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The same: a batch is a tensor already."""
        return features

    def native_steps(self) -> tuple[Step, ...]:
        """Nothing to do."""
        return ()


def tensor_from_array(array: np.ndarray) -> torch.Tensor:
    """A tensor over an array: the same memory where torch can use it, otherwise a copy."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array)


def _pixels(image: Any) -> np.ndarray:
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    pixels: np.ndarray = np.asarray(image)
    if image.mode.startswith("I;16"):
        pixels = (pixels >> 8).astype(np.uint8)
    elif image.mode not in _BYTE_MODES:
        raise TypeError(
            f"AnyToTensor cannot tell the range of a Pillow image of mode {image.mode!r}; "
            "convert it to 'L' or 'RGB'"
        )
    channels_last = pixels[:, :, None] if pixels.ndim == 2 else pixels
    return np.ascontiguousarray(channels_last.transpose(2, 0, 1))
