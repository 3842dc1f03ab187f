"""Augmentations by recordings of others: rooms, and what is heard in the background."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from autrainer.augmentations.waveforms import (
    Range,
    WaveformAugmentation,
    bounds_of,
    plain_range,
)
from autrainer.augmentations.white_noise import with_noise
from autrainer.data.file_handlers import AudioFileHandler
from autrainer.data.native.decode import NativeFormat
from autrainer.data.native.file_reader import FileReader
from autrainer.errors import ConfigError, DataError
from autrainer.transforms.checks import positive_int

SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg"})
"""Files of a folder that are recordings."""


class BackgroundNoise(WaveformAugmentation):
    """Adds a stretch of a recording that is drawn from a folder, at a drawn loudness.

    The recording, the place in it and the signal-to-noise ratio are drawn for each sample. The
    ratio is that of the means of squares over the whole sample; silence stays silent. Recordings
    that are shorter than the sample are repeated; their channels are mixed to one, which goes to
    all channels of the sample.

    Args:
        path: Folder of recordings (wav, flac, mp3, ogg), those of its subfolders too.
        sample_rate: Of the samples, in Hz; recordings are resampled to it.
        snr_db: Signal-to-noise ratio in dB: a number, or the lowest and the highest one.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        ConfigError: if there is no such folder, no recording in it, or the range is none.
    """

    def __init__(
        self,
        path: str,
        sample_rate: int,
        snr_db: Range = (0.0, 30.0),
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.path = path
        self.sample_rate = positive_int(self, "sample_rate", sample_rate)
        self.snr_db = plain_range(snr_db)
        self._bounds = bounds_of(self, "snr_db", snr_db)
        self._files = recordings_in(self, path)

    def change(self, waveform: torch.Tensor) -> torch.Tensor:
        """The waveform with noise."""
        file = self._files[self._effects.integer(0, len(self._files))]
        place = self._effects.uniform()
        noise = stretch_of(file, self.sample_rate, waveform.shape[1], place)
        noise = noise.to(waveform.dtype).expand_as(waveform)
        return with_noise(waveform, noise, self._draw(self._bounds))


class RoomImpulseResponse(WaveformAugmentation):
    """Lets a sample sound as in a room, by an impulse response that is drawn from a folder.

    The sample is convolved with the first channel of the response, whose energy (sum of squares) is
    made 1, so that noise keeps its level. What comes before the peak of the response is left out:
    the sample keeps its place in time, and its length.

    Args:
        path: Folder of impulse responses (wav, flac, mp3, ogg), those of its subfolders too.
        sample_rate: Of the samples, in Hz; responses are resampled to it.
        order: As in `AbstractAugmentation`.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        ConfigError: if there is no such folder, or no recording in it.
    """

    def __init__(
        self,
        path: str,
        sample_rate: int,
        order: int = 0,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.path = path
        self.sample_rate = positive_int(self, "sample_rate", sample_rate)
        self._files = recordings_in(self, path)

    def change(self, waveform: torch.Tensor) -> torch.Tensor:
        """The waveform in a room.

        Raises:
            DataError: if the response is silent.
        """
        file = self._files[self._effects.integer(0, len(self._files))]
        response = AudioFileHandler(self.sample_rate).load(file)[0]
        energy = response.square().sum()
        if not energy > 0:
            raise DataError(f"RoomImpulseResponse: {file} is silent; remove it from {self.path}")
        response = response[int(response.abs().argmax()) :] / energy.sqrt()
        return convolved(waveform, response.to(waveform.dtype))


def convolved(waveform: torch.Tensor, response: torch.Tensor) -> torch.Tensor:
    """Every channel convolved with a response, as long as before.

    Args:
        waveform: Shape (C, N).
        response: Shape (M,), of the same dtype.
    """
    num_samples = waveform.shape[1]
    # Long enough that the end does not come round to the beginning.
    size = 2 ** math.ceil(math.log2(max(num_samples + len(response) - 1, 1)))
    spectrum = torch.fft.rfft(waveform, size) * torch.fft.rfft(response, size)
    filtered: torch.Tensor = torch.fft.irfft(spectrum, size)
    return filtered[:, :num_samples].contiguous()


def recordings_in(owner: object, folder: str) -> list[str]:
    """Paths of the recordings of a folder and its subfolders, sorted.

    Raises:
        ConfigError: if there is no such folder, or no recording in it.
    """
    kind, root = type(owner).__name__, Path(folder)
    if not root.is_dir():
        raise ConfigError(f"{kind}: path is {folder!r}, where there is no folder")
    found = [path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES]
    if not found:
        raise ConfigError(f"{kind}: {folder} holds none of {', '.join(sorted(SUFFIXES))}")
    return sorted(map(str, found))


def stretch_of(file: str, sample_rate: int, num_samples: int, place: float) -> torch.Tensor:
    """A stretch of a recording, its channels mixed to one; a short one is repeated.

    Args:
        file: The recording.
        sample_rate: Of the stretch, in Hz.
        num_samples: Length of the stretch.
        place: Where it begins: 0 for the first place that there is, 1 for the last.

    Returns:
        Shape (num_samples,), float32.

    Raises:
        DataError: if the recording has no samples.
    """
    length = _length_by_header(file, sample_rate)
    if length is not None and length > num_samples:
        start = _start(place, length, num_samples)
        handler = AudioFileHandler(sample_rate, start / sample_rate, num_samples / sample_rate)
        return handler.load(file).mean(dim=0)
    recording = AudioFileHandler(sample_rate).load(file).mean(dim=0)
    if not len(recording):
        raise DataError(f"{file} has no samples; remove it")
    if len(recording) < num_samples:
        start = _start(place, len(recording), 1)
        return recording.roll(-start).repeat(-(-num_samples // len(recording)))[:num_samples]
    start = _start(place, len(recording), num_samples)
    return recording[start : start + num_samples]


def _start(place: float, length: int, num_samples: int) -> int:
    return int(place * (length - num_samples + 1))


def _length_by_header(file: str, sample_rate: int) -> int | None:
    """Samples of a recording, where the core reads it at this rate: then a part can be read."""
    reader = FileReader([file], NativeFormat("audio", sample_rate), num_threads=0)
    layout = reader.layouts(np.zeros(1, dtype=np.int64))[0]
    return None if layout is None else layout.shape[-1]
