"""The class that every criterion has to be of."""

from torch.nn.modules.loss import _Loss as Loss

__all__ = ["Loss"]
