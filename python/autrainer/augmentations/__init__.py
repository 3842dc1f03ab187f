"""Augmentations: transforms that act by chance, on the train subset."""

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.augmentations.containers import Choice, Sequential
from autrainer.augmentations.mixing import CutMix, MixUp
from autrainer.augmentations.pipeline import AugmentationManager, AugmentationPipeline
from autrainer.augmentations.spec_augment import SpecAugment, TimeWarp
from autrainer.augmentations.spectrograms import (
    FrequencyMask,
    GaussianNoise,
    TimeMask,
    TimeShift,
)
from autrainer.augmentations.white_noise import SampleGaussianWhiteNoise
from autrainer.augmentations.wrappers import (
    AlbumentationsAugmentation,
    AudiomentationsAugmentation,
    AugmentationWrapper,
    TorchaudioAugmentation,
    TorchAudiomentationsAugmentation,
    TorchvisionAugmentation,
)

__all__ = [
    "AbstractAugmentation",
    "AlbumentationsAugmentation",
    "AudiomentationsAugmentation",
    "AugmentationManager",
    "AugmentationPipeline",
    "AugmentationWrapper",
    "Choice",
    "CutMix",
    "FrequencyMask",
    "GaussianNoise",
    "MixUp",
    "SampleGaussianWhiteNoise",
    "Sequential",
    "SpecAugment",
    "TimeMask",
    "TimeShift",
    "TimeWarp",
    "TorchAudiomentationsAugmentation",
    "TorchaudioAugmentation",
    "TorchvisionAugmentation",
]
