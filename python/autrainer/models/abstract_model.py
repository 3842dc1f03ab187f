"""Address of `AbstractModel` in existing projects."""

from autrainer.models.base import AbstractModel

__all__ = ["AbstractModel"]
