"""Address of the wrappers in files of earlier versions."""

from autrainer.augmentations.wrappers import (
    AlbumentationsAugmentation,
    AudiomentationsAugmentation,
    AugmentationWrapper,
    TorchaudioAugmentation,
    TorchAudiomentationsAugmentation,
    TorchvisionAugmentation,
)

__all__ = [
    "AlbumentationsAugmentation",
    "AudiomentationsAugmentation",
    "AugmentationWrapper",
    "TorchAudiomentationsAugmentation",
    "TorchaudioAugmentation",
    "TorchvisionAugmentation",
]
