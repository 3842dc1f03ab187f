"""Address of `Choice` in files of earlier versions."""

from autrainer.augmentations.containers import Choice

__all__ = ["Choice"]
