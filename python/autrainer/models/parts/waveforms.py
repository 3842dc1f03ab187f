"""What models over waveforms take."""

from __future__ import annotations

import torch

from autrainer.errors import DataError


def single_channel(features: torch.Tensor, needed_by: str) -> torch.Tensor:
    """Waveforms as (B, N), whether they come as (B, N) or as (B, 1, N).

    Raises:
        DataError: if they have several channels, or are something else.
    """
    if features.dim() == 3 and features.shape[1] == 1:
        return features.squeeze(1)
    if features.dim() == 2:
        return features
    advice = "; StereoToMono makes one channel" if features.dim() == 3 else ""
    raise DataError(
        f"{needed_by} takes waveforms (B, 1, N) or (B, N), found {tuple(features.shape)}{advice}"
    )
