"""Address of `CutMix` and `MixUp` in files of earlier versions."""

from autrainer.augmentations.mixing import CutMix, MixUp

__all__ = ["CutMix", "MixUp"]
