"""Augmentations: transforms that act by chance, on the train subset."""

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.augmentations.codecs import BandLimit, BitDepth, MuLaw, Telephone
from autrainer.augmentations.containers import Choice, Sequential
from autrainer.augmentations.mixing import CutMix, MixUp
from autrainer.augmentations.pipeline import AugmentationManager, AugmentationPipeline
from autrainer.augmentations.recordings import BackgroundNoise, RoomImpulseResponse
from autrainer.augmentations.spec_augment import SpecAugment, TimeWarp
from autrainer.augmentations.spectrograms import (
    FrequencyMask,
    GaussianNoise,
    TimeMask,
    TimeShift,
)
from autrainer.augmentations.speed import PitchShift, Speed
from autrainer.augmentations.waveforms import Gain
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
    "BackgroundNoise",
    "BandLimit",
    "BitDepth",
    "Choice",
    "CutMix",
    "FrequencyMask",
    "Gain",
    "GaussianNoise",
    "MixUp",
    "MuLaw",
    "PitchShift",
    "RoomImpulseResponse",
    "SampleGaussianWhiteNoise",
    "Sequential",
    "SpecAugment",
    "Speed",
    "Telephone",
    "TimeMask",
    "TimeShift",
    "TimeWarp",
    "TorchAudiomentationsAugmentation",
    "TorchaudioAugmentation",
    "TorchvisionAugmentation",
]
