"""What a mel spectrogram is, and the settings that published weights were trained with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from autrainer.errors import ConfigError, did_you_mean

Level: TypeAlias = Literal["power", "decibel", "natural_log", "whisper"]


Step: TypeAlias = tuple[Any, ...]
"""A step from sound to features, as plain data: its name, and what belongs to it.

- `("mix_down", 1)`: the mean of two channels, or the only one; (C, N) to (1, N).
- `("resample", current_hz, target_hz)`: another sampling rate; (C, N) to (C, M).
- `("mel", settings)`, `MelSettings`: (C, N) to (C, frames, bands).
- `("cepstra", num_coefficients)`: (C, frames, bands) to (C, frames, coefficients).
- `("deltas", window_size, derivatives, as_channels)`: slopes, as channels or behind the features.

What a step does not take, such as a signal that is too short, is left to the file handler.
"""


@dataclass(frozen=True)
class Crop:
    """A stretch of a recording, wherever random bits say.

    Attributes:
        size: Samples of a channel.
        value: What follows the samples of a recording that is shorter; None repeats them.
        by_share: Whether the first 53 of 64 bits are a share in [0, 1) of the places where the
            stretch may begin; otherwise all bits tell the place itself, as `Draws.integer` does.
    """

    size: int
    value: float | None
    by_share: bool


@dataclass(frozen=True)
class MelSettings:
    """Everything that decides about the numbers of a mel spectrogram.

    Attributes:
        sample_rate_hz: Sampling rate of the signals.
        window_len: Samples of the window.
        fft_len: Samples of the transform, at least those of the window.
        hop_len: Samples from one frame to the next.
        fmin_hz: Where the first band begins.
        fmax_hz: Where the last band ends, at most half of the sampling rate.
        num_bands: Number of bands.
        window: `hann` is periodic (torch, librosa), `symmetric_hann` ends at zero (Kaldi's
            "hanning"), `povey` is that one to the power of 0.85 (Kaldi).
        framing: `centred`: frame t is centred at sample t * hop, the signal reflected at its ends
            (torch, librosa), with 1 + N // hop frames; `centred_without_last` has one frame less
            (Whisper); `whole`: frame t begins at sample t * hop (Kaldi's `snip_edges`).
        removes_mean: Whether the mean of a frame is subtracted from it first (Kaldi).
        preemphasis: How much of the sample before is subtracted from a sample (Kaldi: 0.97).
        scale: `slaney` (linear up to 1 kHz; librosa), `htk` (2595 log10(1 + f / 700); torchaudio),
            `kaldi` (1127 ln(1 + f / 700), with triangles that are straight in mel, not in Hz).
        equal_area: Whether all bands have the same area (Slaney) and not the same height.
        level: What is made of the power in a band, the weighted sum of squared magnitudes. `power`
            leaves it; `decibel` is 10 log10(max(power, amin)) - 10 log10(max(reference, amin)), not
            lower than `top_db` below the highest of the whole item; `natural_log` is
            ln(max(power, amin)); `whisper` is (max(log10(max(power, 1e-10)), highest - 8) + 4) / 4.
        reference: Power of 0 dB.
        amin: Smallest power; from 1e-37 on.
        top_db: Range of levels in dB; None for no limit.
    """

    sample_rate_hz: float
    window_len: int
    fft_len: int
    hop_len: int
    fmin_hz: float
    fmax_hz: float
    num_bands: int
    window: Literal["hann", "symmetric_hann", "povey"] = "hann"
    framing: Literal["centred", "centred_without_last", "whole"] = "centred"
    removes_mean: bool = False
    preemphasis: float = 0.0
    scale: Literal["slaney", "htk", "kaldi"] = "slaney"
    equal_area: bool = True
    level: Level = "decibel"
    reference: float = 1.0
    amin: float = 1e-10
    top_db: float | None = None


def _panns(sample_rate: int) -> MelSettings:
    window_len = 2 ** round(math.log2(0.032 * sample_rate))
    return MelSettings(
        sample_rate_hz=sample_rate,
        window_len=window_len,
        fft_len=window_len,
        hop_len=max(sample_rate // 100, 1),
        fmin_hz=50.0,
        fmax_hz=min(14000.0, sample_rate / 2),
        num_bands=64,
    )


def _librosa(sample_rate: int) -> MelSettings:
    return MelSettings(sample_rate, 2048, 2048, 512, 0.0, sample_rate / 2, 128)


def _torchaudio(sample_rate: int) -> MelSettings:
    settings = MelSettings(sample_rate, 400, 400, 200, 0.0, float(sample_rate // 2), 128)
    return replace(settings, scale="htk", equal_area=False)


def _kaldi(sample_rate: int) -> MelSettings:
    window_len = int(sample_rate * 0.025)
    return MelSettings(
        sample_rate_hz=sample_rate,
        window_len=window_len,
        fft_len=1 << (window_len - 1).bit_length(),
        hop_len=max(int(sample_rate * 0.010), 1),
        fmin_hz=20.0,
        fmax_hz=sample_rate / 2,
        num_bands=23,
        window="povey",
        framing="whole",
        removes_mean=True,
        preemphasis=0.97,
        scale="kaldi",
        equal_area=False,
        level="natural_log",
        amin=2.0**-23,
    )


def _ast(sample_rate: int) -> MelSettings:
    return replace(_kaldi(sample_rate), window="symmetric_hann", num_bands=128)


def _whisper(sample_rate: int) -> MelSettings:
    settings = MelSettings(sample_rate, 400, 400, 160, 0.0, 8000.0, 80)
    return replace(settings, framing="centred_without_last", level="whisper")


def pann_mel_settings(
    window_size: int,
    hop_size: int,
    sample_rate: int,
    fmin: float,
    fmax: float,
    mel_bins: int,
    ref: float,
    amin: float,
    top_db: float | None,
) -> MelSettings:
    """The settings of the transform `PannMel` with these arguments."""
    return MelSettings(
        sample_rate_hz=sample_rate,
        window_len=window_size,
        fft_len=window_size,
        hop_len=hop_size,
        fmin_hz=fmin,
        fmax_hz=fmax,
        num_bands=mel_bins,
        reference=ref,
        amin=amin,
        top_db=top_db,
    )


PRESETS: dict[str, Callable[[int], MelSettings]] = {
    "panns": _panns,
    "librosa": _librosa,
    "torchaudio": _torchaudio,
    "kaldi": _kaldi,
    "ast": _ast,
    "whisper": _whisper,
}
"""Settings by name, for a sampling rate in Hz.

- `panns`: Kong et al., "PANNs", 2020, `pytorch/utils/config.py`: 32 ms, 10 ms, 64 bands from 50 Hz
  to 14 kHz (or half of the rate); of other rates than 8, 16 and 32 kHz the nearest power of two.
- `librosa`: `librosa.feature.melspectrogram` and `power_to_db` of librosa 0.10 without `top_db`.
- `torchaudio`: `torchaudio.transforms.MelSpectrogram` and `AmplitudeToDB("power")`.
- `kaldi`: `compute-fbank-feats` and `torchaudio.compliance.kaldi.fbank` without dither. Samples are
  taken as they come: Kaldi's own lie between -32768 and 32767, torchaudio's between -1 and 1.
- `ast`: the same with a Hann window and 128 bands, as the Audio Spectrogram Transformer has it,
  before its normalisation.
- `whisper`: Radford et al., 2022: 25 ms, 10 ms, 80 bands up to 8 kHz; its weights expect 16 kHz.
"""


def preset(name: str, sample_rate: int, **changes: Any) -> MelSettings:
    """Settings of a preset with some changes; what is None stays that of the preset.

    Args:
        name: A key of `PRESETS`.
        sample_rate: In Hz.
        **changes: Fields of `MelSettings`. A window that is longer than the transform takes the
            transform with it.

    Raises:
        ConfigError: for a name that there is not.
    """
    if name not in PRESETS:
        listed = ", ".join(map(repr, PRESETS))
        hint = did_you_mean(name, PRESETS)
        raise ConfigError(
            f"preset is {name!r}; use one of {listed}" + (f" ({hint})" if hint else "")
        )
    settings = PRESETS[name](sample_rate)
    given = {key: value for key, value in changes.items() if value is not None}
    window_len = given.get("window_len")
    if window_len is not None and "fft_len" not in given:
        follows = settings.fft_len == settings.window_len
        power = 1 << max(window_len - 1, 1).bit_length()
        given["fft_len"] = window_len if follows else power
    return replace(settings, **given)
