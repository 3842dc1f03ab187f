"""Address of `AbstractTransform` in existing projects."""

from autrainer.transforms.base import AbstractTransform

__all__ = ["AbstractTransform"]
