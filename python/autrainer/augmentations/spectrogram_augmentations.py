"""Address of the spectrogram augmentations in files of earlier versions."""

from autrainer.augmentations.spec_augment import SpecAugment, TimeWarp
from autrainer.augmentations.spectrograms import (
    FrequencyMask,
    GaussianNoise,
    TimeMask,
    TimeShift,
)

__all__ = [
    "FrequencyMask",
    "GaussianNoise",
    "SpecAugment",
    "TimeMask",
    "TimeShift",
    "TimeWarp",
]
