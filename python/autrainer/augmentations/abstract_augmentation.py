"""Address of `AbstractAugmentation` in existing projects."""

from autrainer.augmentations.base import AbstractAugmentation

__all__ = ["AbstractAugmentation"]
