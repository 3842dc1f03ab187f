"""Features of NumPy arrays, computed in Rust without the GIL: the door to `audio` of the core.

Signals are float32, of shape (..., samples), in the order of C; others are copied. Results are
float32 and depend on the settings and the samples alone: not on threads, not on what lies beside a
signal in a batch, not on which vector instructions the processor has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autrainer import _core
from autrainer.features.settings import MelSettings
from autrainer.runs.writing.files import find_numpy

find_numpy()

Floats = npt.NDArray[np.float32]


class Resampler:
    """Signals at another sampling rate: exactly what `torchaudio.transforms.Resample` computes.

    A sinc of six zero crossings on each side under a Hann window, cut off at 0.99 of the lower
    Nyquist frequency, computed in float64 and rounded to float32; beyond its ends a signal counts
    as silent. Only the order in which products are summed differs from torchaudio's: by at most
    5e-7 of the largest sample. Julius O. Smith, "Digital Audio Resampling",
    https://ccrma.stanford.edu/~jos/resample/.

    Args:
        current_hz: Rate of the signals.
        target_hz: Rate of the results.

    Raises:
        ConfigError: for a rate that is not positive, or rates whose ratio has too large numbers:
            the filter has a row of taps for each sample of a period, of 16 MiB at most.
    """

    def __init__(self, current_hz: int, target_hz: int) -> None:
        self.current_hz = current_hz
        self.target_hz = target_hz
        self._plan = _core.Resampler(current_hz, target_hz)

    def num_samples(self, num_samples: int) -> int:
        """How many samples come out of so many: ceil(num_samples * target / current)."""
        return self._plan.num_samples(num_samples)

    def __call__(self, signals: npt.NDArray[Any], out: Floats | None = None) -> Floats:
        """Signals of shape (..., N) as (..., ceil(N * target / current)).

        Args:
            signals: Numbers; others than float32 are converted, not scaled.
            out: Contiguous memory for the result.

        Raises:
            DataError: if `out` does not fit, or has memory in common with the signals.
        """
        signals = np.asarray(signals, dtype=np.float32)
        if out is None:
            out = np.empty((*signals.shape[:-1], self.num_samples(signals.shape[-1])), np.float32)
        self._plan.apply(signals, out)
        return out

    def kernel(self) -> tuple[Floats, int]:
        """The taps, as a convolution has them: (target, 2 * width + current), both rates reduced.

        Returns:
            The taps, and the width: how many zeros are put before a signal. Row p, moved by
            `current` for each period, gives the samples p, p + target, p + 2 * target and so on.

        Raises:
            ConfigError: if they were more than 16 MiB: from 44101 to 44100 Hz they are 7.8 GB, all
                but 2.8 MB of them zeros. Signals are resampled between such rates too.
        """
        return self._plan.kernel()

    def __reduce__(self) -> tuple[type[Resampler], tuple[int, int]]:
        return type(self), (self.current_hz, self.target_hz)


class MelSpectrogram:
    """Spectrograms in mel bands.

    Transforms and sums are in float64, so that a band 100 dB below the loudest one is as exact as
    that: within 2e-5 dB of a computation in float64.

    Args:
        settings: What is computed.

    Raises:
        ConfigError: naming the first setting that makes no sense.
    """

    def __init__(self, settings: MelSettings) -> None:
        self.settings = settings
        self._plan = _core.MelSpectrogram(settings)

    def num_frames(self, num_samples: int) -> int:
        """Frames of a signal.

        Raises:
            DataError: if it is too short: for one frame, or for what is reflected at its ends.
        """
        return self._plan.num_frames(num_samples)

    def __call__(self, signals: npt.NDArray[Any], out: Floats | None = None) -> Floats:
        """Spectrograms (B, C, T, F) of signals (B, C, N); `top_db` is a range within an item.

        Args:
            signals: Numbers; others than float32 are converted, not scaled.
            out: Contiguous memory for the result.

        Raises:
            DataError: if a signal is too short, or `out` does not fit.
        """
        signals = np.asarray(signals, dtype=np.float32)
        if out is None:
            num_frames = self.num_frames(signals.shape[-1])
            out = np.empty((*signals.shape[:-1], num_frames, self.settings.num_bands), np.float32)
        self._plan.apply(signals, out)
        return out

    def window(self) -> npt.NDArray[np.float64]:
        """The window as every frame sees it, in zeros where the transform is longer."""
        return self._plan.window()

    def filter_bank(self) -> npt.NDArray[np.float64]:
        """Weights of the bins in the bands, (fft_len // 2 + 1, bands)."""
        return self._plan.filter_bank()

    def __reduce__(self) -> tuple[type[MelSpectrogram], tuple[MelSettings]]:
        return type(self), (self.settings,)


def cosine_matrix(num_coefficients: int, num_bands: int) -> npt.NDArray[np.float64]:
    """The orthonormal cosine transform of type II, (coefficients, bands).

    `sqrt(2 / M) cos(pi k (m + 1/2) / M)`, divided by `sqrt(2)` for k = 0: that of
    `scipy.fft.dct(type=2, norm="ortho")`, and of the MFCC of librosa and torchaudio.

    Raises:
        DataError: for no coefficient, or more than there are bands.
    """
    return _core.cosine_matrix(num_coefficients, num_bands)


def cepstra(features: npt.NDArray[Any], num_coefficients: int) -> Floats:
    """The first coefficients of a cosine transform (see `cosine_matrix`) along the last axis.

    Raises:
        DataError: for no coefficient, or more than there are bands.
    """
    features = np.asarray(features, dtype=np.float32)
    out = np.empty((*features.shape[:-1], num_coefficients), np.float32)
    _core.cepstra(features, num_coefficients, out)
    return out


def deltas(features: npt.NDArray[Any], window_size: int) -> Floats:
    """Slopes over time of features (..., T, F), in the same shape.

    `sum n (c[t + n] - c[t - n]) / (2 sum n^2)` for n from 1 to `window_size // 2`, the first and
    last frame repeated at the ends: `torchaudio.functional.compute_deltas`, and the HTK Book,
    section 5.9. `librosa.feature.delta` gives the same with `mode="nearest"`; by default it fits a
    line to the first and last frames.

    Args:
        features: Frames in order.
        window_size: Frames that a slope is computed from; odd, from 3 on.
    """
    features = np.asarray(features, dtype=np.float32)
    out = np.empty(features.shape, np.float32)
    _core.deltas(features, window_size // 2, out)
    return out
