"""Augmentations: transforms that act by chance, on the train subset."""

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.augmentations.containers import Choice, Sequential
from autrainer.augmentations.pipeline import AugmentationManager, AugmentationPipeline
from autrainer.augmentations.spectrograms import (
    FrequencyMask,
    GaussianNoise,
    TimeMask,
    TimeShift,
)

__all__ = [
    "AbstractAugmentation",
    "AugmentationManager",
    "AugmentationPipeline",
    "Choice",
    "FrequencyMask",
    "GaussianNoise",
    "Sequential",
    "TimeMask",
    "TimeShift",
]
