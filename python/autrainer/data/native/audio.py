"""Sound in files, whole or in part: decoded in Rust without the GIL.

WAV, FLAC, MP3 and Ogg Vorbis, whatever the name of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autrainer import _core


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of its sound.

    Attributes:
        codec: `WAV`, `FLAC`, `MP3` or `Vorbis`.
        sample_rate_hz: Samples of a channel in a second.
        num_channels: Number of channels.
        num_frames: Samples of each channel, without those that an encoder has added.
    """

    codec: str
    sample_rate_hz: int
    num_channels: int
    num_frames: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_frames / self.sample_rate_hz


def audio_info(source: str | bytes) -> AudioInfo:
    """What a file holds, from its headers: nothing is decoded.

    Of MP3, all frames are passed over, since nothing else tells how many there are.

    Args:
        source: The path of a file, or its content.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: if the file is truncated or contradicts itself.
        UnsupportedFileError: naming what the file holds, if it is not decoded here.
        InternalError: naming the file if a decoder fails, which is a bug of autrainer.
    """
    return AudioInfo(*_core.audio_info(source))


def decode_audio(
    source: str | bytes,
    *,
    offset_s: float = 0.0,
    duration_s: float | None = None,
    first_frame: int | None = None,
    num_frames: int | None = None,
    out: npt.NDArray[np.float32] | None = None,
) -> tuple[npt.NDArray[np.float32], int]:
    """The sound of a file, or a part of it, which costs what the part is long.

    A part is bit for bit what the same part of the whole is. Samples are those of soundfile: equal
    to the last bit in WAV and FLAC, up to rounding in MP3 and Vorbis, and as many of them.

    Args:
        source: The path of a file, or its content.
        offset_s: Where to begin, in seconds, rounded to the nearest sample.
        duration_s: How much to read, rounded likewise, less where the file ends; None for the rest.
        first_frame: Where to begin in samples of a channel; with it or `num_frames`, the times do
            not count.
        num_frames: How many samples of a channel, fewer where the file ends; None for the rest.
        out: Filled with the result if given: float32, contiguous, of its shape.

    Returns:
        Shape (channels, samples), float32 in [-1, 1] unless the file holds louder floats; and the
        sample rate in Hz.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: if the file is truncated, contradicts itself or ends before the offset.
        UnsupportedFileError: naming what the file holds, if it is not decoded here.
        DataError: for a time that there is not, or if `out` does not fit.
        InternalError: naming the file if a decoder fails, which is a bug of autrainer.
    """
    return _core.decode_audio(
        source,
        offset_s=offset_s,
        duration_s=duration_s,
        first_frame=first_frame,
        num_frames=num_frames,
        out=out,
    )


def foreign_audio(path: str) -> str | None:
    """The name of the sound that a file holds, if it is not decoded here: `Opus in Ogg`.

    None for what is decoded here, and for what is not known.
    """
    return _core.foreign_audio(path)
