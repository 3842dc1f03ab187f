"""`Cnn14` of PANNs."""

from __future__ import annotations

from autrainer.models.parts.pann import PannCNN


class Cnn14(PannCNN):
    """Six blocks of convolutions over log-mel spectrograms: (B, C, T, 64) to (B, K).

    Kong et al., "PANNs", 2020. Published weights fit spectrograms of 32 kHz (`log_mel_32k`) or, as
    their name says, of 16 kHz (`log_mel_16k`) that are not normalised.

    Args:
        output_dim: Number of outputs K.
        segmentwise: Decide on segments of 32 frames and take the mean of their outputs.
        in_channels: Channels C of the spectrogram.
        transfer: Path or address of published weights; `#md5=...` behind an address is checked.
    """

    blocks = ((64, 2), (128, 2), (256, 2), (512, 2), (1024, 2), (2048, 1))
