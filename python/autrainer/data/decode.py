"""Files as arrays: `.npy`, `.wav`, PNG and JPEG, decoded in Rust without the GIL."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autrainer import _core


def decode_file(
    path: str,
    kind: str,
    sample_rate_hz: int | None = None,
    offset_s: float = 0.0,
    duration_s: float | None = None,
) -> npt.NDArray[Any] | None:
    """Content of a file.

    Args:
        path: The file.
        kind: `npy` for arrays of numbers, which keep their dtype; `wav` for audio, as float32 of
            shape (channels, samples); `image` for PNG and JPEG, as uint8 of shape (C, H, W).
        sample_rate_hz: The rate that audio has to have; None takes any.
        offset_s: Where to begin in audio, rounded to the nearest sample.
        duration_s: How much of audio to read, rounded to the nearest sample, less where the file
            ends; None reads all.

    Returns:
        In C order and with the bytes of this machine. None if the file is written in a way that
        only its file handler knows: a compressed or resampled sound, text, 16 bit a channel.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: if the file is truncated or contradicts itself, is empty or a directory.
        DataError: for a kind or a time that there is not.
    """
    return _core.decode_file(path, kind, sample_rate_hz, offset_s, duration_s)


def file_layout(
    path: str,
    kind: str,
    sample_rate_hz: int | None = None,
    offset_s: float = 0.0,
    duration_s: float | None = None,
) -> tuple[tuple[int, ...], np.dtype[Any]] | None:
    """Shape and dtype of what `decode_file` would return, from the header of the file.

    Arguments and errors are those of `decode_file`. Of an image, the whole file is read.
    """
    layout = _core.file_layout(path, kind, sample_rate_hz, offset_s, duration_s)
    return None if layout is None else (layout[0], np.dtype(layout[1]))


def first_nonfinite(array: npt.NDArray[Any]) -> int | None:
    """Position in the flattened array of the first element that is infinite or not a number.

    Raises:
        DataError: if the array holds no numbers, or such with the bytes of another machine.
    """
    return _core.first_nonfinite(array)
