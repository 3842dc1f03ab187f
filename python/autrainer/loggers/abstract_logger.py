"""Address of `AbstractLogger` in existing projects."""

from autrainer.loggers.base import AbstractLogger

__all__ = ["AbstractLogger"]
