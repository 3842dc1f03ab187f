"""wav2vec 2.0 or HuBERT, and a feed-forward head."""

# B batch, N samples, T frames, D width, K outputs.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from autrainer.models.base import AbstractModel
from autrainer.models.ffnn import FFNN
from autrainer.models.parts.frames import POOLINGS, mask_of, num_frames
from autrainer.models.parts.waveforms import single_channel
from autrainer.models.weights.hub import build_hub_model, plain_config


class WaveformEncoder(nn.Module):
    """A model of transformers over waveforms: (B, N) to means over time (B, D).

    Args:
        model: The model; its configuration has `conv_kernel` and `conv_stride`.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    @property
    def width(self) -> int:
        """Width D of a frame."""
        width: int = self._config.hidden_size
        return width

    @property
    def _config(self) -> Any:
        return self.model.config

    def forward(self, waveforms: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Means over the frames of each sample."""
        inputs = {"attention_mask": self._attention_mask(waveforms, lengths)}
        frames = self.model(waveforms, **inputs).last_hidden_state
        return POOLINGS["mean"](frames, self.frames_mask(frames, lengths))

    def frames_mask(
        self, frames: torch.Tensor, lengths: torch.Tensor | None
    ) -> torch.Tensor | None:
        """Which frames (B, T) are of a sample and not of what it was padded with."""
        if lengths is None:
            return None
        counts = num_frames(lengths, self._config.conv_kernel, self._config.conv_stride)
        return mask_of(counts.to(frames.device), frames.shape[1])

    def _attention_mask(
        self, waveforms: torch.Tensor, lengths: torch.Tensor | None
    ) -> torch.Tensor | None:
        # Models that normalise over time were trained on padded sounds without a mask.
        if lengths is None or getattr(self._config, "feat_extract_norm", "layer") != "layer":
            return None
        return mask_of(lengths.to(waveforms.device), waveforms.shape[1]).long()

    def freeze_extractor(self) -> None:
        """Let the convolutions train no more; they are computed without a graph then."""
        freeze = getattr(self.model, "freeze_feature_encoder", None)
        extractor: Any = self.model.feature_extractor
        (freeze or extractor._freeze_parameters)()


class W2V2FFNN(AbstractModel):
    """wav2vec 2.0, HuBERT or their like, mean over time, then an `FFNN`: (B, N) to (B, K).

    (B, 1, N) will do, too. Padded sounds count as far as `lengths` says.

    Args:
        output_dim: Number of outputs K.
        model_name: Name in the Hugging Face hub, `name@revision`, or a folder.
        freeze_extractor: Its convolutions do not train.
        hidden_size: Width of the head.
        num_layers: Number of linear layers of the head.
        dropout: Share of hidden values that the head drops.
        transfer: Take the pretrained weights.
        config: Configuration of the model, as in `config.json`; kept with a trained model.

    Raises:
        MissingExtraError: if transformers is not installed.
    """

    def __init__(
        self,
        output_dim: int,
        model_name: str,
        freeze_extractor: bool,
        hidden_size: int,
        num_layers: int = 2,
        dropout: float = 0.5,
        transfer: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(output_dim, transfer)
        self.model_name = model_name
        self.freeze_extractor = freeze_extractor
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        model = build_hub_model(
            model_name, type(self).__name__, transfer=bool(transfer), config=config
        )
        self.config = plain_config(model)
        self.backbone = WaveformEncoder(model)
        if freeze_extractor:
            self.backbone.freeze_extractor()
        self.frontend = FFNN(output_dim, self.backbone.width, hidden_size, num_layers, dropout)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.frontend(self.embeddings(features, lengths))
        return outputs

    def embeddings(
        self, features: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Means over time of the last layer: (B, D)."""
        waveforms = single_channel(features, type(self).__name__)
        embeddings: torch.Tensor = self.backbone(waveforms, lengths)
        return embeddings
