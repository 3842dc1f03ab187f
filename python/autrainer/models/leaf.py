"""A front end that learns its filters, and an image model."""

# B batch, N samples, C filters, T frames, K outputs.

from __future__ import annotations

import logging
from collections.abc import Mapping

import torch
from torch import nn

from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel
from autrainer.models.parts.frequencies import Range, initial_filters
from autrainer.models.parts.leaf import Leaf, SpeechBrainLeaf
from autrainer.models.parts.waveforms import single_channel
from autrainer.models.timm_wrapper import TimmModel

log = logging.getLogger(__name__)

FAMILY = "efficientnet_"
UNUSED = {"kernel_size": 25, "stride": 0.0625}
UNUSED_BY_SPEECHBRAIN = {
    **{"window_stride": 10, "padding_kernel_size": 25, "max_freq": 7800},
    **{"initialization": "mel", "generator_seed": 42},
}


class LEAFNet(AbstractModel):
    """LEAF, then an EfficientNet of timm: (B, 1, N) or (B, N) to (B, K).

    Zeghidour et al., "LEAF", ICLR 2021; Schlueter and Gutenbrunner, "EfficientLEAF", EUSIPCO 2022.
    Averages of the compression are computed for all frames at once.

    Args:
        output_dim: Number of outputs K.
        leaf_filters: Number of filters C.
        kernel_size: Not used.
        stride: Not used.
        window_stride: Milliseconds from frame to frame.
        padding_kernel_size: Length of filters and windows in milliseconds.
        sample_rate: Sample rate in Hz.
        min_freq: Lowest frequency of the filters in Hz.
        max_freq: Highest frequency of the filters in Hz.
        efficientnet_type: Name of the EfficientNet in timm.
        mode: `interspeech` (parameters of EfficientLEAF) or `speech_brain` (those of SpeechBrain,
            which has windows of 25 ms each 10 ms, up to half the sample rate).
        initialization: Where the filters begin: `mel`, `bark`, `linear-constant`, `constant`,
            `uniform` or `zeros`; with `interspeech` alone.
        generator_seed: Seed of `uniform`.
        transfer: Take pretrained weights of the EfficientNet.

    Raises:
        ConfigError: if the EfficientNet, the mode or the initialisation is another one.
        MissingExtraError: if timm is not installed.
    """

    def __init__(
        self,
        output_dim: int,
        leaf_filters: int = 40,
        kernel_size: float = 25,
        stride: float = 0.0625,
        window_stride: float = 10,
        padding_kernel_size: float = 25,
        sample_rate: int = 16000,
        min_freq: int = 60,
        max_freq: int = 7800,
        efficientnet_type: str = "efficientnet_b0",
        mode: str = "interspeech",
        initialization: str = "mel",
        generator_seed: int = 42,
        transfer: bool = False,
    ) -> None:
        super().__init__(output_dim, transfer)
        self.leaf_filters = leaf_filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.window_stride = window_stride
        self.padding_kernel_size = padding_kernel_size
        self.sample_rate = sample_rate
        self.min_freq = min_freq
        self.max_freq = max_freq
        self.efficientnet_type = efficientnet_type
        self.mode = mode
        self.initialization = initialization
        self.generator_seed = generator_seed
        if not efficientnet_type.startswith(FAMILY):
            raise ConfigError(
                f"model.efficientnet_type is {efficientnet_type!r}; use a model of timm whose name "
                f"begins with {FAMILY!r}"
            )
        self.leaf = self._front_end()
        self.classifier = TimmModel(output_dim, efficientnet_type, transfer, in_chans=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.classifier(self.spectrogram(features))
        return outputs

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """What goes into the last layer of the EfficientNet: (B, D)."""
        return self.classifier.embeddings(self.spectrogram(features))

    def spectrogram(self, features: torch.Tensor) -> torch.Tensor:
        """What the front end makes of waveforms: (B, 1, C, T)."""
        waveforms = single_channel(features, type(self).__name__).unsqueeze(1)
        spectrogram: torch.Tensor = self.leaf(waveforms)
        return spectrogram.unsqueeze(1)

    def _front_end(self) -> nn.Module:
        if self.mode == "interspeech":
            self._warn_of_unused(UNUSED)
            given = Range(
                self.leaf_filters,
                self.min_freq,
                self.max_freq,
                self.sample_rate,
                self.generator_seed,
            )
            # Odd, so that filters have a middle.
            num_taps = int(self.sample_rate * self.padding_kernel_size / 1000) | 1
            hop = int(self.sample_rate * self.window_stride / 1000)
            return Leaf(initial_filters(self.initialization, given), num_taps, hop)
        if self.mode == "speech_brain":
            self._warn_of_unused({**UNUSED, **UNUSED_BY_SPEECHBRAIN})
            return SpeechBrainLeaf(self.leaf_filters, self.sample_rate, self.min_freq)
        raise ConfigError(f"model.mode is {self.mode!r}; use 'interspeech' or 'speech_brain'")

    def _warn_of_unused(self, defaults: Mapping[str, object]) -> None:
        given = [key for key, default in defaults.items() if getattr(self, key) != default]
        if given:
            log.warning("LEAFNet does not use %s with mode %r", ", ".join(given), self.mode)
