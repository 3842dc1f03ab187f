"""Address of `Loss` until its importers name `autrainer.criterions.base`."""

from autrainer.criterions.base import Loss

__all__ = ["Loss"]
