"""Image models of timm."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from autrainer.models.base import AbstractModel
from autrainer.runs.extras import imported
from autrainer.runs.web.refusal import refuse_download


class TimmModel(AbstractModel):
    """A model of timm: (B, C, H, W) to (B, K).

    Args:
        output_dim: Number of outputs K.
        timm_name: Its name in timm, such as `resnet18`.
        transfer: Take pretrained weights.
        **kwargs: Further arguments of `timm.create_model`, such as `in_chans`.

    Raises:
        MissingExtraError: if timm is not installed.
    """

    def __init__(
        self, output_dim: int, timm_name: str, transfer: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(output_dim, transfer, **kwargs)
        self.timm_name = timm_name
        timm = imported("timm", type(self).__name__, "timm", "timm")
        if transfer:
            refuse_download(f"the weights of {timm_name}")
        with _errors_only():
            self.model = timm.create_model(
                timm_name, pretrained=bool(transfer), num_classes=output_dim, **_own(kwargs)
            )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.model(features)
        return outputs

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """What goes into the last layer, pooled: (B, D)."""
        found: torch.Tensor = self.model.forward_head(
            self.model.forward_features(features), pre_logits=True
        )
        return found.flatten(1)


def _own(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments without those by which audobject builds an object."""
    return {key: value for key, value in kwargs.items() if not key.startswith("_object_")}


@contextmanager
def _errors_only() -> Iterator[None]:
    """Keep what timm tells of its downloads out of the log of a run."""
    logger = logging.getLogger("timm")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
