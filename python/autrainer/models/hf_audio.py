"""Any audio encoder of transformers, and a feed-forward head."""

# B batch, N samples, T frames, L layers, D width, K outputs.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from autrainer.errors import ConfigError, DataError
from autrainer.models.base import AbstractModel
from autrainer.models.ffnn import FFNN
from autrainer.models.parts.frames import POOLINGS, mask_of, num_frames
from autrainer.models.weights.hub import build_hub_model, plain_config

LAST = "last"
WEIGHTED = "weighted"
CLAP = "clap_audio_model"
_AUDIO_PARTS = ("audio_model", "audio_tower", "audio_encoder")


class HFAudioModel(AbstractModel):
    """An audio encoder of transformers, pooled over time, then an `FFNN`, to (B, K).

    HuBERT, WavLM, data2vec, SEW, UniSpeech and wav2vec 2.0 take waveforms (B, 1, N) or (B, N); AST,
    Whisper (its encoder), wav2vec 2.0-BERT and CLAP the spectrograms of their `FeatureExtractor`.
    Padded waveforms count as far as `lengths` says. No code of the hub is executed.

    Args:
        output_dim: Number of outputs K.
        model_name: Name in the Hugging Face hub, `name@revision`, or a folder.
        layer: Which layer's frames to take: `last`, a number (0 is what goes into the first
            layer), or `weighted` for a mean of all of them whose weights train.
        pooling: From frames to one vector: `mean`, `max`, `first`, or `statistics` (mean and
            deviation, twice as wide).
        hidden_size: Width of the head between its linear layers; by default that of its input.
        num_layers: Number of linear layers of the head.
        dropout: Share of hidden values that the head drops.
        transfer: Take the pretrained weights.
        config: Configuration of the model, as in `config.json`; kept with a trained model.

    Raises:
        ConfigError: if layer or pooling is another one, or the model has no audio encoder.
        MissingExtraError: if transformers is not installed.
    """

    def __init__(
        self,
        output_dim: int,
        model_name: str,
        layer: int | str = LAST,
        pooling: str = "mean",
        hidden_size: int | None = None,
        num_layers: int = 1,
        dropout: float = 0.5,
        transfer: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(output_dim, transfer)
        if pooling not in POOLINGS:
            raise ConfigError(f"model.pooling is {pooling!r}; use one of {', '.join(POOLINGS)}")
        self.model_name = model_name
        self.layer = layer
        self.pooling = pooling
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        model = build_hub_model(
            model_name, type(self).__name__, transfer=bool(transfer), config=config
        )
        self.config = plain_config(model)
        self.backbone: Any = audio_encoder(model)
        self._check_layer()
        if layer == WEIGHTED:
            self.layer_weights = nn.Parameter(torch.zeros(self._num_layers + 1))
        settings: Any = self.backbone.config
        width = getattr(settings, "d_model", None) or settings.hidden_size
        width *= 2 if pooling == "statistics" else 1
        self.frontend = FFNN(output_dim, width, hidden_size or width, num_layers, dropout)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.frontend(self.embeddings(features, lengths))
        return outputs

    def embeddings(
        self, features: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Frames of the chosen layer, pooled: (B, D) or (B, 2 D)."""
        inputs, mask = self._inputs_of(features, lengths)
        frames = self._frames(inputs)
        if mask is not None:
            settings = self.backbone.config
            counts = num_frames(mask.sum(dim=1), settings.conv_kernel, settings.conv_stride)
            mask = mask_of(counts, frames.shape[1])
        return POOLINGS[self.pooling](frames, mask)

    def _inputs_of(
        self, features: torch.Tensor, lengths: torch.Tensor | None
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
        rank = self._rank
        if features.dim() == rank + 1 and features.shape[1] == 1:
            features = features.squeeze(1)
        elif features.dim() == rank - 1 and rank > 2:
            features = features.unsqueeze(1)
        if features.dim() != rank:
            shape = tuple(features.shape)
            raise DataError(f"{self.model_name} takes features of {rank} axes, found {shape}")
        inputs = {self.backbone.main_input_name: features}
        if lengths is None or not self._takes_waveforms:
            return inputs, None
        mask = mask_of(lengths.to(features.device), features.shape[1])
        # Models that normalise over time were trained on padded sounds without a mask.
        if getattr(self.backbone.config, "feat_extract_norm", "layer") == "layer":
            inputs["attention_mask"] = mask.long()
        return inputs, mask

    def _frames(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        takes_last = self.layer == LAST
        outputs = self.backbone(**inputs, output_hidden_states=not takes_last, return_dict=True)
        if takes_last:
            frames: torch.Tensor = outputs.last_hidden_state
            # CLAP has maps of its patches, channels first.
            return frames if frames.dim() == 3 else frames.flatten(2).transpose(1, 2)
        if self.layer != WEIGHTED:
            chosen: torch.Tensor = outputs.hidden_states[int(self.layer)]
            return chosen
        weights = self.layer_weights.softmax(dim=0)
        return torch.einsum("l,lbtd->btd", weights, torch.stack(outputs.hidden_states))

    @property
    def _takes_waveforms(self) -> bool:
        return hasattr(self.backbone.config, "conv_stride")

    @property
    def _rank(self) -> int:
        """Number of axes of the features."""
        if self.backbone.config.model_type == CLAP:
            return 4
        return 2 if self._takes_waveforms and self._main_input == "input_values" else 3

    @property
    def _main_input(self) -> str:
        name: str = self.backbone.main_input_name
        return name

    @property
    def _num_layers(self) -> int:
        settings = self.backbone.config
        num: int = getattr(settings, "encoder_layers", None) or settings.num_hidden_layers
        return num

    def _check_layer(self) -> None:
        if self.layer == LAST:
            return
        if self.backbone.config.model_type == CLAP:
            raise ConfigError("model.layer: layers of CLAP differ in their width; use 'last'")
        if self.layer == WEIGHTED:
            return
        num = self._num_layers
        if not isinstance(self.layer, int) or not -num - 1 <= self.layer <= num:
            raise ConfigError(
                f"model.layer is {self.layer!r}; use '{LAST}', '{WEIGHTED}', or a number from 0 to "
                f"{num}"
            )


def audio_encoder(model: nn.Module) -> nn.Module:
    """The part of a model of transformers that audio goes into.

    Raises:
        ConfigError: if there is none that can be told.
    """
    for name in _AUDIO_PARTS:
        if isinstance(part := getattr(model, name, None), nn.Module):
            return part
    whole: Any = model
    if getattr(whole.config, "is_encoder_decoder", False):
        encoder: nn.Module = whole.get_encoder()
        return encoder
    if whole.main_input_name not in ("input_values", "input_features"):
        raise ConfigError(
            f"{type(model).__name__} takes {whole.main_input_name}, and no audio; choose an audio "
            "encoder"
        )
    return model
