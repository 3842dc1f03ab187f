"""Features as torch modules: for batches on any device, with gradients, as a part of a model.

They have the numbers of `native`: filters, windows and banks come from there, in float64, and are
kept in the dtype of the module. In float32 a band that lies far below the loudest one of its frame
is less exact than there, since torch transforms in float32: see `MelSpectrogram`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional

from autrainer.features import native
from autrainer.features.settings import MelSettings


class Resample(torch.nn.Module):
    """Signals (..., N) at another sampling rate, as `native.Resampler` has it.

    Both agree within 1e-6 of the largest sample.

    Args:
        current_hz: Rate of the signals.
        target_hz: Rate of the results.

    Raises:
        ConfigError: for rates that `native.Resampler` refuses, and those whose convolution were
            larger than 16 MiB, such as 44101 and 44100 Hz: `native.Resampler` takes these.
    """

    kernel: torch.Tensor

    def __init__(self, current_hz: int, target_hz: int) -> None:
        super().__init__()
        self._plan = native.Resampler(current_hz, target_hz)
        kernel, self._width = self._plan.kernel()
        divisor = math.gcd(current_hz, target_hz)
        self._step = current_hz // divisor
        self._is_identity = current_hz == target_hz
        self.register_buffer("kernel", torch.from_numpy(kernel)[:, None], persistent=False)

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Signals of shape (..., ceil(N * target / current)), in the dtype of the module."""
        if self._is_identity:
            return signals
        num_samples = self._num_samples(signals.shape[-1])
        rows = signals.to(self.kernel.dtype).reshape(-1, 1, signals.shape[-1])
        padded = functional.pad(rows, (self._width, self._width + self._step))
        periods = functional.conv1d(padded, self.kernel, stride=self._step)
        resampled = periods.transpose(1, 2).flatten(1)[:, :num_samples]
        return resampled.reshape(*signals.shape[:-1], num_samples)

    def _num_samples(self, num_samples: Any) -> Any:
        if isinstance(num_samples, torch.SymInt):
            # Any length, of a model that is exported: the core counts numbers only.
            return (num_samples * len(self.kernel) + self._step - 1) // self._step
        return self._plan.num_samples(num_samples)


class MelSpectrogram(torch.nn.Module):
    """Spectrograms in mel bands of signals (..., N) as (..., T, F), as `native.MelSpectrogram`.

    In float64 both agree within 2e-5 dB. In float32 they agree within 1e-3 dB for bands of white
    noise, and within 0.1 dB for those that lie no more than 80 dB below the mean power of a frame:
    rounding errors of a transform in float32 are 1e-7 of its amplitude.

    Args:
        settings: What is computed. `top_db`, and the range of `whisper`, are those of an item: of
            everything behind the first axis, if there are two or more.

    Raises:
        ConfigError: naming the first setting that makes no sense.
    """

    window: torch.Tensor
    filter_bank: torch.Tensor

    def __init__(self, settings: MelSettings) -> None:
        super().__init__()
        plan = native.MelSpectrogram(settings)
        self.settings = settings
        self._plan = plan
        dtype = torch.get_default_dtype()
        for name, values in (("window", plan.window()), ("filter_bank", plan.filter_bank())):
            self.register_buffer(name, torch.from_numpy(values).to(dtype), persistent=False)

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Spectrograms, in the dtype of the module.

        Raises:
            DataError: if the signals are too short for a frame.
        """
        frames = self._frames(signals.to(self.window.dtype))
        spectrum = torch.fft.rfft(frames * self.window, n=self.settings.fft_len)
        power = spectrum.real.square() + spectrum.imag.square()
        return self._level(power @ self.filter_bank)

    def _frames(self, signals: torch.Tensor) -> torch.Tensor:
        settings = self.settings
        num_frames = self._num_frames(signals.shape[-1])
        if settings.framing != "whole":
            reach = settings.fft_len // 2
            # Reflecting needs an axis of channels beside the samples.
            rows = signals.reshape(1, -1, signals.shape[-1])
            padded = functional.pad(rows, (reach, reach), mode="reflect")
            signals = padded.reshape(*signals.shape[:-1], padded.shape[-1])
        frames = signals.unfold(-1, len(self.window), settings.hop_len)[..., :num_frames, :]
        if settings.removes_mean:
            frames = frames - frames.mean(dim=-1, keepdim=True)
        if settings.preemphasis:
            before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
            frames = frames - settings.preemphasis * before
        return frames

    def _num_frames(self, num_samples: Any) -> Any:
        if not isinstance(num_samples, torch.SymInt):
            return self._plan.num_frames(num_samples)
        # Any length, of a model that is exported: the core counts numbers only.
        hop_len, window_len = self.settings.hop_len, len(self.window)
        if self.settings.framing == "whole":
            return 1 + (num_samples - window_len) // hop_len
        num_frames = 1 + (num_samples - window_len % 2) // hop_len
        return num_frames - 1 if self.settings.framing == "centred_without_last" else num_frames

    def _level(self, power: torch.Tensor) -> torch.Tensor:
        settings = self.settings
        if settings.level == "power":
            return power
        if settings.level == "natural_log":
            return power.clamp(min=settings.amin).log()
        if settings.level == "whisper":
            levels = power.clamp(min=1e-10).log10()
            return (_limited(levels, 8.0) + 4.0) / 4.0
        zero = 10.0 * math.log10(max(settings.reference, settings.amin))
        levels = 10.0 * power.clamp(min=settings.amin).log10() - zero
        return levels if settings.top_db is None else _limited(levels, settings.top_db)


class MFCC(torch.nn.Module):
    """Mel-frequency cepstral coefficients of signals (..., N) as (..., T, coefficients).

    The first values of an orthonormal cosine transform (`native.cosine_matrix`) of a mel
    spectrogram.

    Args:
        settings: Those of the spectrogram.
        num_coefficients: From 1 to the number of bands.

    Raises:
        ConfigError: naming the first setting that makes no sense.
        DataError: if there are fewer bands than coefficients.
    """

    cosines: torch.Tensor

    def __init__(self, settings: MelSettings, num_coefficients: int) -> None:
        super().__init__()
        self.spectrogram = MelSpectrogram(settings)
        cosines = torch.from_numpy(native.cosine_matrix(num_coefficients, settings.num_bands))
        self.register_buffer("cosines", cosines.T.to(torch.get_default_dtype()), persistent=False)

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Coefficients, in the dtype of the module."""
        levels: torch.Tensor = self.spectrogram(signals)
        return levels @ self.cosines


class Deltas(torch.nn.Module):
    """Slopes over time of features (..., T, F), in the same shape, as `native.deltas`.

    Args:
        window_size: Frames that a slope is computed from; odd, from 3 on.
    """

    def __init__(self, window_size: int = 5) -> None:
        super().__init__()
        self.window_size = window_size

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The slopes."""
        reach = self.window_size // 2
        num_frames = features.shape[-2]
        rows = features.reshape(1, -1, *features.shape[-2:])
        padded = functional.pad(rows, (0, 0, reach, reach), mode="replicate")
        padded = padded.reshape(*features.shape[:-2], *padded.shape[-2:])
        slopes: Any = 0.0
        for n in range(1, reach + 1):
            after = padded.narrow(-2, reach + n, num_frames)
            slopes = slopes + n * (after - padded.narrow(-2, reach - n, num_frames))
        result: torch.Tensor = slopes / (2 * sum(n * n for n in range(1, reach + 1)))
        return result


def _limited(levels: torch.Tensor, range_: float) -> torch.Tensor:
    """Levels that are not lower than so much below the highest of their item."""
    if levels.dim() <= 3:
        # (T, F), or a clip each: (B, T, F).
        highest = levels.amax(dim=(-2, -1), keepdim=True)
    else:
        highest = levels.amax(dim=tuple(range(1, levels.dim())), keepdim=True)
    return torch.maximum(levels, highest - range_)
