"""Address of `SmartCompose` in files of earlier versions."""

from autrainer.transforms.compose import SmartCompose

__all__ = ["SmartCompose"]
