"""Features that other libraries compute: transformers and openSMILE."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from threading import Lock
from typing import Any

import numpy as np
import torch

from autrainer.errors import ConfigError, DataError
from autrainer.runs.extras import imported
from autrainer.runs.transformers_library import import_transformers, repository_of
from autrainer.runs.web.refusal import refuse_download
from autrainer.transforms.base import FeaturesTransform
from autrainer.transforms.checks import need_dims, one_of, positive_int

log = logging.getLogger(__name__)

# Class of transformers, and how signals are padded.
_EXTRACTORS = {
    "AST": ("ASTFeatureExtractor", "max_length"),
    "Whisper": ("WhisperFeatureExtractor", "max_length"),
    "W2V2": ("Wav2Vec2FeatureExtractor", "longest"),
    None: ("AutoFeatureExtractor", "max_length"),
}


class FeatureExtractor(FeaturesTransform):
    """What a feature extractor of transformers makes of a signal, (C, N) or (N,); float32.

    Channels are averaged. By default (1024, 128) for AST, (80, 3000) for Whisper and (N,) for
    W2V2. Extra `transformers`.

    Args:
        fe_type: `AST`, `Whisper` or `W2V2`; None for the class that `fe_transfer` was saved with.
        fe_transfer: Name of a repository of the Hugging Face Hub, `name@revision`, or a folder, to
            take the settings from; None for those of the class, which need no network.
        sampling_rate: Sampling rate of the features in Hz.
        order: Position in the pipeline.

    Raises:
        ConfigError: if both are None, or the extractor is for another sampling rate.
        MissingExtraError: if transformers is not installed.
    """

    def __init__(
        self,
        fe_type: str | None = None,
        fe_transfer: str | None = None,
        sampling_rate: int = 16000,
        order: int = -80,
    ) -> None:
        super().__init__(order=order)
        if fe_type is None and fe_transfer is None:
            raise ConfigError(
                "FeatureExtractor: fe_type and fe_transfer are both null; name a type (AST, "
                "Whisper, W2V2), or a repository of the Hub"
            )
        if fe_type is not None:
            one_of(self, "fe_type", fe_type, [name for name in _EXTRACTORS if name])
        self.fe_type = fe_type
        self.fe_transfer = fe_transfer
        self.sampling_rate = positive_int(self, "sampling_rate", sampling_rate)
        self._extractor = self._built()
        expected = getattr(self._extractor, "sampling_rate", sampling_rate)
        if expected != sampling_rate:
            raise ConfigError(
                f"FeatureExtractor: sampling_rate is {sampling_rate} Hz, but "
                f"{fe_transfer or fe_type} is for {expected} Hz; resample the signals before"
            )

    def change(self, features: torch.Tensor) -> torch.Tensor:
        """The features of the extractor."""
        signal = features.detach().to("cpu", torch.float32)
        if signal.dim() == 2:
            signal = signal.mean(0)
        need_dims(self, signal.shape, 1, "(channels, samples)")
        _, padding = _EXTRACTORS[self.fe_type]
        extracted = self._extractor(
            signal.numpy(),
            sampling_rate=self.sampling_rate,
            padding=padding,
            return_tensors="np",
        )
        first = np.asarray(next(iter(extracted.values())))[0]
        return torch.from_numpy(np.array(first, dtype=np.float32, order="C"))

    def _built(self) -> Any:
        name, _ = _EXTRACTORS[self.fe_type]
        kind = getattr(import_transformers("FeatureExtractor"), name)
        if self.fe_transfer is not None:
            place, revision = repository_of(self.fe_transfer)
            if self.fe_type is None:
                # No code of a repository is executed, and nobody is asked whether it may.
                revision["trust_remote_code"] = False
            try:
                return kind.from_pretrained(place, **revision)
            except OSError:
                refuse_download(repr(self.fe_transfer))
                raise
        with warnings.catch_warnings():
            # Of AST: that some of its bands are empty, as they were when it was trained.
            warnings.simplefilter("ignore", UserWarning)
            extractor = kind()
        log.warning(
            "FeatureExtractor takes the defaults of %s, since there is no fe_transfer: %s",
            name,
            {key: value for key, value in extractor.to_dict().items() if _is_plain(value)},
        )
        return extractor


class OpenSMILE(FeaturesTransform):
    """Acoustic features of openSMILE: (C, N) to (features,), or to (features, frames); float32.

    Functionals of eGeMAPSv02 are 88, of ComParE_2016 6373; low-level descriptors 25 and 65 for each
    frame. Only the first channel counts, so mix channels down before; that others are left out is
    told once. (Eyben, Wöllmer and Schuller, "openSMILE", ACM Multimedia 2010.) Extra `opensmile`.

    Args:
        feature_set: A feature set of the library: `eGeMAPSv02`, `ComParE_2016`, `emobase`, ...
        sample_rate: Sampling rate of the features in Hz.
        functionals: Statistics over the whole signal, in place of descriptors for each frame.
        lld_deltas: Slopes of the descriptors behind them; the first and the last frame, which the
            library computes for slopes only, are left out. Not for `eGeMAPSv02`.
        order: Position in the pipeline.
        frames_first: (frames, features) in place of (features, frames), as sequence models want it.

    Raises:
        ConfigError: for a feature set that there is not, or slopes that it does not have.
        MissingExtraError: if opensmile is not installed.
    """

    def __init__(
        self,
        feature_set: str,
        sample_rate: int,
        functionals: bool = False,
        lld_deltas: bool = False,
        order: int = -80,
        frames_first: bool = False,
    ) -> None:
        super().__init__(order=order)
        self.feature_set = feature_set
        self.sample_rate = positive_int(self, "sample_rate", sample_rate)
        self.functionals = functionals
        self.lld_deltas = lld_deltas
        self.frames_first = frames_first
        self._has_warned = False
        self._lock = Lock()
        library = imported("opensmile", "OpenSMILE", "opensmile", extra="opensmile")
        one_of(self, "feature_set", feature_set, [known.name for known in library.FeatureSet])
        level = "Functionals" if functionals else "LowLevelDescriptors"
        self._smile = self._at_level(library, level)
        self._smile_deltas = (
            self._at_level(library, "LowLevelDescriptors_Deltas")
            if lld_deltas and not functionals
            else None
        )

    @property
    def hidden_arguments(self) -> Sequence[str]:
        """What is not written down: the order of axes of older versions."""
        return [*super().hidden_arguments, *([] if self.frames_first else ["frames_first"])]

    def change(self, features: torch.Tensor) -> torch.Tensor:
        """The features of openSMILE.

        Raises:
            DataError: if the signal is too short for a frame.
        """
        need_dims(self, features.shape, 2, "(channels, samples)")
        if features.shape[0] > 1 and not self._has_warned:
            self._has_warned = True
            log.warning(
                "OpenSMILE takes the first of %d channels; StereoToMono before it takes their mean",
                features.shape[0],
            )
        signal = features[0].detach().to("cpu", torch.float32).numpy()
        # The library keeps state that is not made for several threads.
        with self._lock:
            values = self._processed(self._smile, signal)
            if self._smile_deltas is not None:
                slopes = self._processed(self._smile_deltas, signal)[1:-1]
                values = np.concatenate([values, slopes], axis=1)
        if self.functionals:
            values = values[0]
        elif not self.frames_first:
            values = values.T
        return torch.from_numpy(np.array(values, dtype=np.float32, order="C"))

    def _processed(self, smile: Any, signal: np.ndarray) -> np.ndarray:
        is_short = len(signal) < self.sample_rate / 10
        with warnings.catch_warnings() if is_short else nullcontext():
            if is_short:
                # That it fills with NaN: an error below.
                warnings.simplefilter("ignore", UserWarning)
            values: np.ndarray = smile.process_signal(signal, self.sample_rate).to_numpy()
        if np.isnan(values).all():
            raise DataError(
                f"openSMILE found no frame of {self.feature_set} in {len(signal)} samples at "
                f"{self.sample_rate} Hz; leave so short a signal out, or make it longer with the "
                "transform Expand"
            )
        return values

    def _at_level(self, library: Any, level: str) -> Any:
        try:
            return library.Smile(
                feature_set=library.FeatureSet[self.feature_set],
                feature_level=library.FeatureLevel[level],
            )
        except ValueError as error:
            raise ConfigError(
                f"OpenSMILE: {self.feature_set} has no features at the level {level}: {error}"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=Lock())


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))
