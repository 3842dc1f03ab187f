"""Speaker embeddings and a feed-forward head."""

# B batch, N samples, K outputs.

from __future__ import annotations

import torch

from autrainer.errors import DataError
from autrainer.models.base import AbstractModel
from autrainer.models.ffnn import FFNN
from autrainer.models.parts.ecapa import EcapaTdnn
from autrainer.models.parts.filter_banks import HOP, Fbank
from autrainer.models.parts.waveforms import single_channel
from autrainer.models.weights.files import hub_folder, read_weights, weights_file
from autrainer.models.weights.loading import load_weights

MEL_BANDS = 80
EMBEDDING_SIZE = 192
MIN_FRAMES = 5
"""The widest convolution reflects four frames at each end."""

WEIGHTS = "https://huggingface.co/speechbrain/spkrec-ecapa-voxceleb/resolve/main/{}"
WEIGHTS_FILE = "embedding_model.ckpt"


class TDNNFFNN(AbstractModel):
    """ECAPA-TDNN over waveforms of 16 kHz, then an `FFNN`: (B, 1, N) or (B, N) to (B, K).

    Desplanques et al., "ECAPA-TDNN", Interspeech 2020. The spectrogram is computed on the device
    of the model.

    Args:
        output_dim: Number of outputs K.
        hidden_size: Width of the head.
        num_layers: Number of linear layers of the head.
        dropout: Share of hidden values that the head drops.
        transfer: Take weights of speaker recognition on VoxCeleb, by SpeechBrain; they train on.
            The text is the path or address of a file like theirs.
    """

    def __init__(
        self,
        output_dim: int,
        hidden_size: int,
        num_layers: int = 2,
        dropout: float = 0.5,
        transfer: bool | str = False,
    ) -> None:
        super().__init__(output_dim, transfer)
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.features = Fbank(MEL_BANDS)
        self.backbone = EcapaTdnn(MEL_BANDS, embedding_size=EMBEDDING_SIZE)
        self.frontend = FFNN(output_dim, EMBEDDING_SIZE, hidden_size, num_layers, dropout)
        if transfer:
            place = WEIGHTS.format(WEIGHTS_FILE) if transfer is True else transfer
            path = weights_file(place, hub_folder() / "speechbrain")
            load_weights(self.backbone, read_weights(path), str(path))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.frontend(self.embeddings(features))
        return outputs

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """Embeddings of the speaker: (B, 192)."""
        waveforms = single_channel(features, type(self).__name__)
        if waveforms.shape[1] < (MIN_FRAMES - 1) * HOP:
            raise DataError(
                f"TDNNFFNN takes {(MIN_FRAMES - 1) * HOP} samples or more, found "
                f"{waveforms.shape[1]}; Expand makes sounds longer"
            )
        embeddings: torch.Tensor = self.backbone(self.features(waveforms))
        return embeddings
