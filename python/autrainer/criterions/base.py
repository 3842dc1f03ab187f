"""The class that every criterion has to be of."""

from autrainer.fast.families import LOSS as Loss

__all__ = ["Loss"]
