"""Address of `Sequential` in files of earlier versions."""

from autrainer.augmentations.containers import Sequential

__all__ = ["Sequential"]
