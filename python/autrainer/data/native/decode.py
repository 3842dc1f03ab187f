"""Files as arrays: `.npy`, sound, PNG and JPEG, decoded in Rust without the GIL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from autrainer import _core
from autrainer.features.settings import Crop, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt
    import torch


@dataclass(frozen=True)
class NativeFormat:
    """What the extension has to know to read files as a file handler would.

    Attributes:
        kind: Which decoder: `npy` for arrays of numbers, which keep their dtype; `audio` for
            WAV, FLAC, MP3 and Ogg Vorbis, as float32 of shape (channels, samples); `image` for PNG
            and JPEG, as uint8 of shape (C, H, W).
        sample_rate_hz: The rate to bring audio to; None leaves it at that of the file.
        offset_s: Where to begin in audio, rounded to the nearest sample.
        duration_s: How much of audio to read, rounded to the nearest sample, less where the file
            ends; None reads all.
        steps: What is made of audio then, in this order, as plain data.
        crop: The stretch of audio, at its new rate, that the steps get; None is all. No more of a
            file is read than it takes. A reader is given random bits for its place; whoever is not
            takes the beginning.
    """

    kind: Literal["npy", "audio", "image"]
    sample_rate_hz: int | None = None
    offset_s: float = 0.0
    duration_s: float | None = None
    steps: tuple[Step, ...] = ()
    # Features of a stretch are never cached, and the text of this names those that are.
    crop: Crop | None = field(default=None, repr=False)

    def decode(self, file: str) -> torch.Tensor | None:
        """Content of a file; None if the extension leaves it to its file handler.

        Raises:
            FileNotFoundError: if there is no such file.
            CorruptFileError: if the file is truncated or contradicts itself.
        """
        # Whoever only wants arrays does without torch.
        import torch

        array = decode_file(file, self)
        return None if array is None else torch.from_numpy(array)

    def can_decode(self, file: str) -> bool:
        """Whether the extension reads a file itself, from its header; errors as of `decode`."""
        return _core.can_decode(file, self)


def decode_file(path: str, format: NativeFormat) -> npt.NDArray[Any] | None:
    """Content of a file.

    Returns:
        In C order and with the bytes of this machine. None if the file is written in a way that
        only its file handler knows: a sound of another codec, text, 16 bit a channel.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: if the file is truncated or contradicts itself, is empty or a directory.
        DataError: for a kind or a time that there is not.
        InternalError: naming the file if the decoder fails, which is a bug of autrainer.
    """
    return _core.decode_file(path, format)


def first_nonfinite(array: npt.NDArray[Any]) -> int | None:
    """Position in the flattened array of the first element that is infinite or not a number.

    Raises:
        DataError: if the array holds no numbers, or such with the bytes of another machine.
    """
    return _core.first_nonfinite(array)
