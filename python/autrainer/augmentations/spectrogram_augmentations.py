"""Address of the spectrogram augmentations in files of earlier versions."""

from autrainer.augmentations.spectrograms import (
    FrequencyMask,
    GaussianNoise,
    TimeMask,
    TimeShift,
)

__all__ = ["FrequencyMask", "GaussianNoise", "TimeMask", "TimeShift"]
