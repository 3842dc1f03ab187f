"""What to do about two samples that fit no common tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PAD = "pad or crop them: by a transform (Expand, RandomCrop) or the loader option pad"
RESIZE = "give all images one size by the transform Resize"
CONVERT = (
    "give all images the same channels: three by GrayscaleToRGB with order: -95 and RGBAToRGB, or "
    "one by RGBToGrayscale"
)
MIX_DOWN = "give all sounds one channel by the transform StereoToMono"
COLOURS = (1, 2, 3, 4)
"""Channels that an image may have."""


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
