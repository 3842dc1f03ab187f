"""File handlers: one file on disk, one tensor in memory."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from autrainer.data.native.audio import foreign_audio
from autrainer.data.native.decode import NativeFormat
from autrainer.data.sound_arguments import check_sound_arguments
from autrainer.errors import ConfigError, CorruptFileError, DataError
from autrainer.features.native import Resampler
from autrainer.runs.addressed import AddressedObject
from autrainer.runs.extras import imported, is_installed

# As in the core (`audio/files/mod.rs`).
MOST_SAMPLES_PER_SAMPLE = 64


class AbstractFileHandler(ABC, AddressedObject):
    """Loads and saves the features of one sample.

    Subclasses keep their constructor arguments as attributes of the same names, so that a run can
    store the handler and inference can build it again.

    Attributes:
        reads_files: Every path that is loaded is a file on disk. A dataset then looks for all of
            them before training starts. False for handlers that read their data in another way.
    """

    reads_files: ClassVar[bool] = False

    @abstractmethod
    def load(self, file: str) -> Any:
        """Features of one file."""

    @abstractmethod
    def save(self, file: str, data: Any) -> None:
        """Write the features of one file."""

    def check_libraries(self, files: Iterable[str]) -> None:
        """Look whether the libraries are there that some files need, before training starts."""

    def __call__(self, file: str) -> Any:
        """The same as `load`."""
        return self.load(file)


class IdentityFileHandler(AbstractFileHandler):
    """Loads nothing: the features are the path itself."""

    def load(self, file: str) -> str:
        """The path, unchanged."""
        return file

    def save(self, file: str, data: Any) -> None:
        """Write nothing."""


class NumpyFileHandler(AbstractFileHandler):
    """Arrays in `.npy` files; the dtype stays as it is in the file."""

    reads_files = True

    def load(self, file: str) -> torch.Tensor:
        """Array of a file.

        Raises:
            FileNotFoundError: if there is no such file.
            CorruptFileError: if the file is no array, or a part of it is missing.
            DataError: if the array does not hold numbers.
        """
        tensor = NativeFormat("npy").decode(file)
        return _numpy_array(file) if tensor is None else tensor

    def save(self, file: str, data: torch.Tensor) -> None:
        """Write a tensor as an array of the same dtype."""
        np.save(file, data.numpy())


def _numpy_array(file: str) -> torch.Tensor:
    """An array of a type that the extension does not know; torch mostly does not either."""
    try:
        array = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        raise CorruptFileError(
            f"{file}: expected a NumPy array (.npy) of numbers, found {error}"
        ) from error
    try:
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C", copy=False))
    except TypeError as error:
        raise DataError(
            f"{file}: expected numbers of a type that torch and NumPy share, found an array of "
            f"{array.dtype}; save float32, for one"
        ) from error


class ImageFileHandler(AbstractFileHandler):
    """Images of all formats that Pillow reads, as uint8 of shape (C, H, W).

    Channels are those of the file: 1 for grayscale, 3 for RGB, one more (2 or 4) with transparency.
    A palette is expanded to its colours. PNG and JPEG are decoded in Rust, Pillow does the rest;
    only the pixels of JPEG depend on who does it, by up to 4 of 255 and by less than half of one
    on average.
    """

    reads_files = True

    _MODES: ClassVar[dict[str, str]] = {"1": "L", "P": "RGB", "PA": "RGBA", "CMYK": "RGB"}

    def load(self, file: str) -> torch.Tensor:
        """Pixels of an image.

        Raises:
            FileNotFoundError: if there is no such file.
            CorruptFileError: if the file is no image, or a part of it is missing.
            DataError: if a pixel takes more than 8 bit a channel, or there are too many for Pillow.
        """
        image_CHW = NativeFormat("image").decode(file)
        return self._by_pillow(file) if image_CHW is None else image_CHW

    def _by_pillow(self, file: str) -> torch.Tensor:
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(file) as image:
                mode = "RGBA" if "transparency" in image.info else self._MODES.get(image.mode, "")
                pixels = np.array(image.convert(mode) if mode else image)
        except Image.DecompressionBombError as error:
            reason = str(error).rstrip(".")
            raise DataError(
                f"{file}: expected no more pixels than Pillow's limit, found an image beyond it "
                f"({reason}); make it smaller, or raise PIL.Image.MAX_IMAGE_PIXELS if it is yours"
            ) from error
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise CorruptFileError(f"{file}: expected a whole image, found {error}") from error
        if pixels.dtype != np.uint8:
            raise DataError(f"{file}: expected 8 bit a channel, found {pixels.dtype} pixels")
        image_CHW = np.atleast_3d(pixels).transpose(2, 0, 1)
        return torch.from_numpy(np.ascontiguousarray(image_CHW))

    def save(self, file: str, data: torch.Tensor) -> None:
        """Write an image; a single channel stays a single channel.

        Args:
            file: Its suffix decides the format.
            data: Shape (C, H, W) with 1, 3 or 4 channels; uint8, or floats in [0, 1].
        """
        from PIL import Image

        if data.ndim != 3 or data.shape[0] not in (1, 3, 4):
            raise DataError(
                f"{file}: an image has shape (C, H, W) with 1, 3 or 4 channels, not "
                f"{tuple(data.shape)}"
            )
        if data.dtype != torch.uint8:
            data = data.clamp(0, 1).mul(255).round().to(torch.uint8)
        pixels_HWC = data.permute(1, 2, 0).cpu().numpy()
        pixels = pixels_HWC[..., 0] if data.shape[0] == 1 else pixels_HWC
        Image.fromarray(np.ascontiguousarray(pixels)).save(file)


class AudioFileHandler(AbstractFileHandler):
    """Audio files as float32 of shape (channels, samples).

    WAV, FLAC, MP3 and Ogg Vorbis are decoded in Rust, whatever the name of the file; soundfile
    reads what else it knows, such as Opus and AIFF (extra `audio`).

    Args:
        target_sample_rate: Resample to this rate, in Hz, where a file has another one; None keeps
            the rate of the file. The filter is that of the transform `Resample`.
        offset: Where to begin, in seconds, rounded to the nearest sample of the file.
        duration: How much to read, in seconds, rounded likewise; less where a file ends before.
            None reads to the end.
        kwargs: None are known. Named here so that a configuration with options of another
            resampler gets a message and not another sound.

    Raises:
        ConfigError: for an option, a rate that is no positive integer, or a time that is negative.
    """

    reads_files = True

    def __init__(
        self,
        target_sample_rate: int | None = None,
        offset: float = 0.0,
        duration: float | None = None,
        **kwargs: Any,
    ) -> None:
        # What audobject adds for itself when it builds an object from its YAML form.
        unknown = sorted(name for name in kwargs if not name.startswith("_object_"))
        if unknown:
            raise ConfigError(
                f"AudioFileHandler has no options {unknown}; it takes target_sample_rate, "
                "offset and duration"
            )
        check_sound_arguments(target_sample_rate, offset, duration)
        super().__init__()
        self.target_sample_rate = target_sample_rate
        self.offset = offset
        self.duration = duration

    @property
    def hidden_arguments(self) -> Sequence[str]:
        """What is not written down: times that are not given, as in older versions."""
        times = {"offset": not self.offset, "duration": self.duration is None}
        return [
            *super().hidden_arguments,
            *(name for name, is_unused in times.items() if is_unused),
        ]

    def load(self, file: str) -> torch.Tensor:
        """Signal of a file, at the target rate.

        Raises:
            FileNotFoundError: if there is no such file.
            CorruptFileError: if the file is no audio, ends before the offset, or claims a rate of
                less than a 64th of the target rate, to which it would grow without bounds.
            DataError: naming the codec if nobody here reads it, such as AAC.
            MissingExtraError: naming the codec if soundfile would read it and is not installed.
        """
        signal_CN = _audio_format(self).decode(file)
        return self._by_soundfile(file) if signal_CN is None else signal_CN

    def _by_soundfile(self, file: str) -> torch.Tensor:
        codec = foreign_audio(file)
        soundfile = self._soundfile(file, codec)
        try:
            with soundfile.SoundFile(file) as sound:
                self._check_rate(file, sound.samplerate)
                signal_NC, sample_rate = self._part(file, sound), sound.samplerate
        except (soundfile.LibsndfileError, OSError) as error:
            if codec is None:
                raise CorruptFileError(f"{file}: expected audio, found {error}") from error
            raise DataError(
                f"{file}: {codec} is read neither by autrainer nor by soundfile ({error}); convert "
                "it, to FLAC for instance"
            ) from error
        signal_CN = np.ascontiguousarray(signal_NC.T)
        if self.target_sample_rate not in (None, sample_rate):
            signal_CN = Resampler(sample_rate, self.target_sample_rate)(signal_CN)
        return torch.from_numpy(signal_CN)

    def _check_rate(self, file: str, sample_rate: int) -> None:
        target = self.target_sample_rate or 0
        if sample_rate * MOST_SAMPLES_PER_SAMPLE < target:
            least = -(-target // MOST_SAMPLES_PER_SAMPLE)
            raise CorruptFileError(
                f"{file}: expected audio of at least {least} Hz, to be resampled to {target} Hz, "
                f"found {sample_rate} Hz"
            )

    def _part(self, file: str, sound: Any) -> Any:
        first = _samples(self.offset, sound.samplerate)
        if first > sound.frames:
            raise CorruptFileError(
                f"{file}: expected audio after {self.offset} s, found {sound.frames} samples at "
                f"{sound.samplerate} Hz"
            )
        sound.seek(first)
        count = -1 if self.duration is None else _samples(self.duration, sound.samplerate)
        return sound.read(count, dtype="float32", always_2d=True)

    def save(self, file: str, data: torch.Tensor) -> None:
        """Write a signal of shape (channels, samples) with 16 bit at the target rate.

        Raises:
            ConfigError: if the handler has no target rate.
        """
        if self.target_sample_rate is None:
            raise ConfigError(
                f"cannot write {file}: AudioFileHandler needs a target_sample_rate to save audio"
            )
        signal_NC = data.cpu().numpy().T
        self._soundfile(file).write(file, signal_NC, self.target_sample_rate, subtype="PCM_16")

    def check_libraries(self, files: Iterable[str]) -> None:
        """Look whether the libraries are there that some files need, by the heads of the files.

        Files that cannot be read are passed over: the error comes when they are loaded.

        Raises:
            MissingExtraError: naming the first file that needs one that is not installed.
        """
        if is_installed("soundfile") or not _loads_as(self, AudioFileHandler):
            return
        for file in files:
            try:
                if not _audio_format(self).can_decode(file):
                    self._soundfile(file, foreign_audio(file))
            except (CorruptFileError, OSError):
                continue

    def _soundfile(self, file: str, codec: str | None = None) -> Any:
        purpose = "" if codec is None else f"to read {codec}, "
        return imported("soundfile", f"{file}: {purpose}AudioFileHandler", "soundfile", "audio")


def _samples(seconds: float, sample_rate: int) -> int:
    return math.floor(seconds * sample_rate + 0.5)


def _audio_format(handler: AudioFileHandler) -> NativeFormat:
    rate, offset, duration = handler.target_sample_rate, handler.offset, handler.duration
    return NativeFormat("audio", rate, offset, duration)


def native_format(handler: Any) -> NativeFormat | None:
    """What the extension has to know to read what a file handler would load.

    Returns:
        None if only the handler knows: it is not one of ours, or loads in its own way.
    """
    for own in (NumpyFileHandler, ImageFileHandler, AudioFileHandler):
        if isinstance(handler, own) and _loads_as(handler, own):
            if isinstance(handler, AudioFileHandler):
                return _audio_format(handler)
            return NativeFormat("npy" if own is NumpyFileHandler else "image")
    return None


def saves_as_ours(handler: Any) -> bool:
    """Whether a file handler writes files as one of this module does: by no code of others."""
    owner = next((kind for kind in type(handler).__mro__ if "save" in vars(kind)), None)
    return owner is not None and owner.__module__ == __name__ and "save" not in vars(handler)


def _loads_as(handler: Any, own: type[AbstractFileHandler]) -> bool:
    return all(
        getattr(type(handler), name) is getattr(own, name) and name not in vars(handler)
        for name in ("load", "__call__")
    )
