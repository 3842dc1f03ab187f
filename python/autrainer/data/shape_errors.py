"""Two samples that fit no common tensor: the error, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autrainer.errors import DataError

PAD = "pad or crop them: by a transform (Expand, RandomCrop) or the loader option pad"
RESIZE = "give all images one size by the transform Resize"
CONVERT = (
    "give all images the same channels: three by GrayscaleToRGB with order: -95 and RGBAToRGB, or "
    "one by RGBToGrayscale"
)
MIX_DOWN = "give all sounds one channel by the transform StereoToMono"
COLOURS = (1, 2, 3, 4)
"""Channels that an image may have."""


class ShapesDifferError(DataError):
    """Two samples of a split fit no common tensor."""


def shapes_differ_error(name: str, sample: Any, first_name: str, first: Any) -> ShapesDifferError:
    """The error for two samples that fit no common tensor; both have a shape and a dtype."""
    advice = advice_for(sample.shape, first.shape, first.dtype)
    return ShapesDifferError(
        f"{name}: expected features of shape {tuple(first.shape)}, {dtype_name(first.dtype)}, as "
        f"in {first_name}, found {tuple(sample.shape)}, {dtype_name(sample.dtype)}; {advice}"
    )


def check_same_shape(samples: Sequence[Any], describe: Callable[[int], str]) -> None:
    """Refuse samples of which one differs from the first in shape or dtype.

    Args:
        samples: Tensors or arrays.
        describe: Names the sample at a position.

    Raises:
        ShapesDifferError: naming both.
    """
    first = samples[0]
    for position, sample in enumerate(samples):
        if sample.shape != first.shape or sample.dtype != first.dtype:
            raise shapes_differ_error(describe(position), sample, describe(0), first)


def dtype_name(dtype: Any) -> str:
    """Name of a type of torch or NumPy, for messages."""
    return str(dtype).removeprefix("torch.")


def advice_for(found: Sequence[int], expected: Sequence[int], dtype: Any) -> str:
    """How to make samples of different shapes alike, by what they seem to be.

    Args:
        found: Shape of a sample.
        expected: Shape of the first one.
        dtype: Of the samples; images are mostly bytes.

    >>> advice_for((3, 48, 64), (3, 64, 64), "uint8")
    'give all images one size by the transform Resize'
    """
    found, expected = tuple(found), tuple(expected)
    if found == expected:
        return "give all of them one dtype"
    if len(found) != len(expected):
        return "give all of them the same number of axes"
    if len(found) == 3:
        return _for_images(found, expected, str(dtype))
    if len(found) == 2 and {found[0], expected[0]} == {1, 2}:
        return MIX_DOWN if found[1] == expected[1] else f"{MIX_DOWN}; {PAD}"
    return PAD


def _for_images(found: tuple[int, ...], expected: tuple[int, ...], dtype: str) -> str:
    """Three axes are those of images, and of spectrograms with one channel."""
    advice = []
    if found[1:] != expected[1:]:
        # Channels of colours are told from channels of a microphone.
        are_images = dtype.endswith("uint8") or {found[0], expected[0]} & {3, 4}
        advice.append(RESIZE if are_images else f"{PAD}; {RESIZE}")
    if found[0] != expected[0]:
        is_colour = found[0] in COLOURS and expected[0] in COLOURS
        advice.append(CONVERT if is_colour else "give all of them the same number of channels")
    return "; ".join(advice)
