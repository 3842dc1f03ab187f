"""Sound: sampling rates, spectrograms, cepstra, slopes; computed by the core."""

from __future__ import annotations

from dataclasses import replace

import torch

from autrainer.errors import ConfigError
from autrainer.features import native
from autrainer.features.settings import MelSettings, Step, pann_mel_settings, preset
from autrainer.transforms.base import BatchTransform
from autrainer.transforms.checks import need_dims, number, one_of, positive_int


class Resample(BatchTransform):
    """Another sampling rate: (C, N) to (C, ceil(N * target / current)), float32.

    The numbers are those of `torchaudio.transforms.Resample` with its defaults; see
    `autrainer.features.native.Resampler`.

    Args:
        current_sr: Sampling rate of the features in Hz.
        target_sr: The rate to bring them to, in Hz.
        order: Position in the pipeline.

    Raises:
        ConfigError: for rates that are no positive integers, or whose ratio needs large numbers.
    """

    def __init__(self, current_sr: int, target_sr: int, order: int = -95) -> None:
        super().__init__(order=order)
        self.current_sr = positive_int(self, "current_sr", current_sr)
        self.target_sr = positive_int(self, "target_sr", target_sr)
        self._resampler = native.Resampler(current_sr, target_sr)

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The features at the target rate."""
        signals = _signals(self, features)
        if self.current_sr == self.target_sr:
            return signals
        return torch.from_numpy(self._resampler(signals.numpy()))

    def native_steps(self) -> tuple[Step, ...]:
        """The same filter."""
        is_needed = self.current_sr != self.target_sr
        return (("resample", self.current_sr, self.target_sr),) if is_needed else ()


class _Spectrogram(BatchTransform):
    """A spectrogram in mel bands: (C, N) to (C, T, F), float32."""

    _spectrogram: native.MelSpectrogram

    def _use(self, settings: MelSettings) -> None:
        try:
            self._spectrogram = native.MelSpectrogram(settings)
        except ConfigError as error:
            raise ConfigError(f"{type(self).__name__}: {error}") from error

    def _computed(self, features: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self._spectrogram(_signals(self, features).numpy()))


class PannMel(_Spectrogram):
    """The log-mel spectrogram of PANNs: (C, N) to (C, 1 + N // hop_size, mel_bins), float32.

    Windows are periodic Hann ones, centred, with the signal reflected at its ends; bands are those
    of librosa (scale and areas of Slaney). `10 log10(max(power, amin)) - 10 log10(max(ref, amin))`,
    within 2e-5 dB of a computation in float64. (Kong et al., "PANNs: Large-Scale Pretrained Audio
    Neural Networks for Audio Pattern Recognition", 2020.)

    Args:
        window_size: Length of window and transform in samples.
        hop_size: Samples from one frame to the next.
        sample_rate: Sampling rate of the features in Hz.
        fmin: Where the first band begins, in Hz.
        fmax: Where the last band ends, in Hz.
        mel_bins: Number of bands.
        ref: Power of 0 dB.
        amin: Smallest power.
        top_db: Range below the highest level of an item in dB; None for no limit.
        order: Position in the pipeline.

    Raises:
        ConfigError: naming the first argument that makes no sense.
    """

    def __init__(
        self,
        window_size: int,
        hop_size: int,
        sample_rate: int,
        fmin: float,
        fmax: float,
        mel_bins: int,
        ref: float,
        amin: float,
        top_db: float | None,
        order: int = -90,
    ) -> None:
        super().__init__(order=order)
        self.window_size = positive_int(self, "window_size", window_size)
        self.hop_size = positive_int(self, "hop_size", hop_size)
        self.sample_rate = positive_int(self, "sample_rate", sample_rate)
        self.fmin = number(self, "fmin", fmin)
        self.fmax = number(self, "fmax", fmax)
        self.mel_bins = positive_int(self, "mel_bins", mel_bins)
        self.ref = number(self, "ref", ref)
        self.amin = number(self, "amin", amin)
        self.top_db = None if top_db is None else number(self, "top_db", top_db)
        self._use(
            pann_mel_settings(
                window_size, hop_size, sample_rate, fmin, fmax, mel_bins, ref, amin, top_db
            )
        )

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The spectrograms.

        Raises:
            DataError: if a signal is too short for a frame.
        """
        return self._computed(features)

    def native_steps(self) -> tuple[Step, ...]:
        """The same spectrogram."""
        return (("mel", self._spectrogram.settings),)


class MelSpectrogram(_Spectrogram):
    """A log-mel spectrogram with the settings of a preset: (C, N) to (C, T, mel_bins), float32.

    Args:
        sample_rate: Sampling rate of the features in Hz.
        preset: Whose settings: `panns`, `librosa`, `torchaudio`, `kaldi`, `ast` or `whisper`; see
            `autrainer.features.settings.PRESETS`.
        window_size: Length of the window in samples; None, here and below, for that of the preset.
        hop_size: Samples from one frame to the next.
        fft_size: Length of the transform in samples.
        fmin: Where the first band begins, in Hz.
        fmax: Where the last band ends, in Hz.
        mel_bins: Number of bands.
        top_db: Range below the highest level of an item, of presets in decibels.
        order: Position in the pipeline.

    Raises:
        ConfigError: naming the first argument that makes no sense.
    """

    def __init__(
        self,
        sample_rate: int,
        preset: str = "panns",
        window_size: int | None = None,
        hop_size: int | None = None,
        fft_size: int | None = None,
        fmin: float | None = None,
        fmax: float | None = None,
        mel_bins: int | None = None,
        top_db: float | None = None,
        order: int = -90,
    ) -> None:
        super().__init__(order=order)
        self.sample_rate = positive_int(self, "sample_rate", sample_rate)
        self.preset = preset
        self.window_size = window_size
        self.hop_size = hop_size
        self.fft_size = fft_size
        self.fmin = fmin
        self.fmax = fmax
        self.mel_bins = mel_bins
        self.top_db = top_db
        self._use(_settings(self))

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The spectrograms.

        Raises:
            DataError: if a signal is too short for a frame.
        """
        return self._computed(features)

    def native_steps(self) -> tuple[Step, ...]:
        """The same spectrogram."""
        return (("mel", self._spectrogram.settings),)


class MFCC(_Spectrogram):
    """Mel-frequency cepstral coefficients: (C, N) to (C, T, num_coefficients), float32.

    The first values of an orthonormal cosine transform of type II of a log-mel spectrogram. With
    the preset `torchaudio` they are those of `torchaudio.transforms.MFCC`, with `librosa` and 20 of
    them those of `librosa.feature.mfcc`; both with the last two axes the other way round.

    Args:
        sample_rate: Sampling rate of the features in Hz.
        num_coefficients: How many are kept, from the lowest on.
        preset: Settings of the spectrogram, as in `MelSpectrogram`.
        window_size: Length of the window in samples; None, here and below, for that of the preset.
        hop_size: Samples from one frame to the next.
        fft_size: Length of the transform in samples.
        fmin: Where the first band begins, in Hz.
        fmax: Where the last band ends, in Hz.
        mel_bins: Number of bands.
        top_db: Range below the highest level of an item, of presets in decibels; None for no limit.
        order: Position in the pipeline.

    Raises:
        ConfigError: naming the first argument that makes no sense.
    """

    def __init__(
        self,
        sample_rate: int,
        num_coefficients: int = 40,
        preset: str = "torchaudio",
        window_size: int | None = None,
        hop_size: int | None = None,
        fft_size: int | None = None,
        fmin: float | None = None,
        fmax: float | None = None,
        mel_bins: int | None = None,
        top_db: float | None = 80.0,
        order: int = -90,
    ) -> None:
        super().__init__(order=order)
        self.sample_rate = positive_int(self, "sample_rate", sample_rate)
        self.num_coefficients = positive_int(self, "num_coefficients", num_coefficients)
        self.preset = preset
        self.window_size = window_size
        self.hop_size = hop_size
        self.fft_size = fft_size
        self.fmin = fmin
        self.fmax = fmax
        self.mel_bins = mel_bins
        self.top_db = top_db
        settings = _settings(self)
        if num_coefficients > settings.num_bands:
            raise ConfigError(
                f"MFCC: num_coefficients is {num_coefficients}; there are {settings.num_bands} "
                "bands: use fewer coefficients, or more mel_bins"
            )
        self._use(settings)

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The coefficients.

        Raises:
            DataError: if a signal is too short for a frame.
        """
        levels = self._computed(features).numpy()
        return torch.from_numpy(native.cepstra(levels, self.num_coefficients))

    def native_steps(self) -> tuple[Step, ...]:
        """The same spectrogram, and the same coefficients of it."""
        return ("mel", self._spectrogram.settings), ("cepstra", self.num_coefficients)


class Deltas(BatchTransform):
    """Slopes over time, and slopes of these, beside the features: (C, T, F), float32.

    A slope is `sum n (c[t + n] - c[t - n]) / (2 sum n^2)`, with the first and last frame repeated,
    as in `torchaudio.functional.compute_deltas` and HTK; see `autrainer.features.native.deltas`.

    Args:
        window_size: Frames that a slope is computed from; odd, from 3 on.
        derivatives: 1 for slopes, 2 for slopes of slopes as well, and so on.
        stack: `features` puts them behind the features, (C, T, F * (1 + derivatives)), `channels`
            behind the channels, (C * (1 + derivatives), T, F).
        order: Position in the pipeline.

    Raises:
        ConfigError: naming the first argument that makes no sense.
    """

    def __init__(
        self,
        window_size: int = 5,
        derivatives: int = 2,
        stack: str = "features",
        order: int = -89,
    ) -> None:
        super().__init__(order=order)
        self.window_size = positive_int(self, "window_size", window_size)
        if window_size < 3 or window_size % 2 == 0:
            raise ConfigError(
                f"Deltas: window_size is {window_size}; use an odd number of frames from 3 on"
            )
        self.derivatives = positive_int(self, "derivatives", derivatives)
        self.stack = one_of(self, "stack", stack, ("features", "channels"))

    def change_batch(self, features: torch.Tensor) -> torch.Tensor:
        """The features and their slopes."""
        need_dims(self, features.shape[1:], 3, "(channels, frames, features)")
        found = [_floats(features)]
        for _ in range(self.derivatives):
            slopes = native.deltas(found[-1].numpy(), self.window_size)
            found.append(torch.from_numpy(slopes))
        return torch.cat(found, dim=-1 if self.stack == "features" else 1)

    def native_steps(self) -> tuple[Step, ...]:
        """The same slopes."""
        return (("deltas", self.window_size, self.derivatives, self.stack == "channels"),)


def _settings(transform: MelSpectrogram | MFCC) -> MelSettings:
    """The settings of a preset, with what the arguments of a transform change."""
    sizes = ("window_size", "hop_size", "fft_size", "mel_bins")
    for name in sizes:
        if getattr(transform, name) is not None:
            positive_int(transform, name, getattr(transform, name))
    for name in ("fmin", "fmax", "top_db"):
        if getattr(transform, name) is not None:
            number(transform, name, getattr(transform, name))
    try:
        settings = preset(
            transform.preset,
            transform.sample_rate,
            window_len=transform.window_size,
            hop_len=transform.hop_size,
            fft_len=transform.fft_size,
            fmin_hz=transform.fmin,
            fmax_hz=transform.fmax,
            num_bands=transform.mel_bins,
        )
    except ConfigError as error:
        raise ConfigError(f"{type(transform).__name__}: {error}") from error
    return _limited(transform, settings)


def _limited(transform: MelSpectrogram | MFCC, settings: MelSettings) -> MelSettings:
    if settings.level == "decibel":
        return replace(settings, top_db=transform.top_db)
    if isinstance(transform, MelSpectrogram) and transform.top_db is not None:
        raise ConfigError(
            f"MelSpectrogram: top_db is {transform.top_db}, but levels of the preset "
            f"{transform.preset!r} are no decibels; leave it out"
        )
    return settings


def _signals(owner: object, features: torch.Tensor) -> torch.Tensor:
    need_dims(owner, features.shape[1:], 2, "(channels, samples)")
    return _floats(features)


def _floats(features: torch.Tensor) -> torch.Tensor:
    return features.detach().to("cpu", torch.float32)
