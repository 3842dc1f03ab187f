"""File handlers: one file on disk, one tensor in memory."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import audobject
import numpy as np
import torch

from autrainer.errors import ConfigError, CorruptFileError, DataError, MissingExtraError


class AbstractFileHandler(ABC, audobject.Object):  # type: ignore[misc]
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
        """
        try:
            array = np.load(file, allow_pickle=False)
        except FileNotFoundError:
            raise
        except (ValueError, EOFError, OSError, MemoryError) as error:
            raise CorruptFileError(
                f"{file}: expected a whole NumPy array (.npy), found {Path(file).stat().st_size} "
                f"bytes that do not hold one: {error}"
            ) from error
        if not isinstance(array, np.ndarray):
            array.close()
            raise CorruptFileError(
                f"{file}: expected one NumPy array (.npy), found an archive of arrays (.npz)"
            )
        return _as_tensor(array, file)

    def save(self, file: str, data: torch.Tensor) -> None:
        """Write a tensor as an array of the same dtype."""
        np.save(file, data.numpy())


def _as_tensor(array: np.ndarray[Any, Any], file: str) -> torch.Tensor:
    native = array.astype(array.dtype.newbyteorder("="), order="C", copy=False)
    try:
        return torch.from_numpy(native)
    except TypeError as error:
        raise DataError(f"{file}: expected numbers, found an array of {array.dtype}") from error


class ImageFileHandler(AbstractFileHandler):
    """Images of all formats that Pillow reads, as uint8 of shape (C, H, W).

    Channels are those of the file: 1 for grayscale, 3 for RGB, 4 with transparency. A palette is
    expanded to its colours.
    """

    reads_files = True

    _MODES: ClassVar[dict[str, str]] = {"1": "L", "P": "RGB", "PA": "RGBA", "CMYK": "RGB"}

    def load(self, file: str) -> torch.Tensor:
        """Pixels of an image.

        Raises:
            FileNotFoundError: if there is no such file.
            CorruptFileError: if the file is no image, or a part of it is missing.
            DataError: if a pixel takes more than 8 bit a channel.
        """
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(file) as image:
                mode = "RGBA" if "transparency" in image.info else self._MODES.get(image.mode, "")
                pixels = np.array(image.convert(mode) if mode else image)
        except FileNotFoundError:
            raise
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
    """Audio files as float32 of shape (channels, samples), read by soundfile.

    Args:
        target_sample_rate: Resample to this rate, in Hz, where a file has another one; None keeps
            the rate of the file. Resampling needs SciPy.
        kwargs: None are known. Named here so that a configuration with options of another
            resampler gets a message and not another sound.

    Raises:
        ConfigError: for an option, or a rate that is no positive integer.
    """

    reads_files = True

    def __init__(self, target_sample_rate: int | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise ConfigError(
                f"AudioFileHandler has no options {sorted(kwargs)}; it takes target_sample_rate"
            )
        rate = target_sample_rate
        if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int) or rate <= 0):
            raise ConfigError(
                f"AudioFileHandler: target_sample_rate is {rate!r}; use a positive integer in Hz, "
                "or null to keep the rate of each file"
            )
        super().__init__()
        self.target_sample_rate = target_sample_rate

    def load(self, file: str) -> torch.Tensor:
        """Signal of a file, at the target rate.

        Raises:
            FileNotFoundError: if there is no such file.
            CorruptFileError: if the file is no audio.
            MissingExtraError: if soundfile, or SciPy where it is needed, is not installed.
        """
        soundfile = self._soundfile()
        if not Path(file).exists():
            raise FileNotFoundError(2, "No such file", str(file))
        try:
            signal_NC, sample_rate = soundfile.read(file, always_2d=True, dtype="float32")
        except (soundfile.LibsndfileError, OSError) as error:
            raise CorruptFileError(f"{file}: expected audio, found {error}") from error
        signal_CN = np.ascontiguousarray(signal_NC.T)
        if self.target_sample_rate not in (None, sample_rate):
            signal_CN = self._resample(signal_CN, sample_rate, self.target_sample_rate)
        return torch.from_numpy(signal_CN)

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
        self._soundfile().write(file, signal_NC, self.target_sample_rate, subtype="PCM_16")

    def _soundfile(self) -> Any:
        try:
            return importlib.import_module("soundfile")
        except ImportError as error:
            raise MissingExtraError("AudioFileHandler", "soundfile", "audio") from error

    def _resample(self, signal_CN: Any, current_rate: int, target_rate: int | None) -> Any:
        try:
            signal = importlib.import_module("scipy.signal")
        except ImportError as error:
            raise MissingExtraError("Resampling by AudioFileHandler", "scipy", "audio") from error
        resampled = signal.resample_poly(signal_CN, target_rate, current_rate, axis=-1)
        return np.ascontiguousarray(resampled, dtype=np.float32)
