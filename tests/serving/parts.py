"""Parts of models that are none of autrainer's."""

import torch

from autrainer.models import AbstractModel
from autrainer.transforms import AbstractTransform


class Energy(AbstractModel):
    """Two numbers of a signal, whatever its length, and a linear layer."""

    calls = 0

    def __init__(self, output_dim: int, transfer: bool | None = None) -> None:
        super().__init__(output_dim, transfer)
        self.out = torch.nn.Linear(2, output_dim)

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        Energy.calls += 1
        return torch.cat([features.mean(dim=-1), features.abs().amax(dim=-1)], dim=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.out(self.embeddings(features))


class FailsOnLoud(AbstractTransform):
    """An error for signals that reach one half."""

    def __call__(self, item):
        if item.features.abs().max() > 0.5:
            raise KeyError("too loud")
        return item


class Misfit(Energy):
    """Fails on a batch in which one signal is constant."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if (features.std(dim=-1) == 0).any():
            raise RuntimeError("a constant signal")
        return super().forward(features)
