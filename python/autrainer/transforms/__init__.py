"""Transforms: what happens to an item between its file and the model."""

from autrainer.transforms.base import AbstractTransform
from autrainer.transforms.colour import GrayscaleToRGB, RGBAToRGB, RGBToGrayscale, StereoToMono
from autrainer.transforms.compose import SmartCompose
from autrainer.transforms.extractors import FeatureExtractor, OpenSMILE
from autrainer.transforms.manager import TransformManager
from autrainer.transforms.pictures import SpectToImage
from autrainer.transforms.scaling import ImageToFloat, Normalize, ScaleRange, Standardizer
from autrainer.transforms.shapes import Expand, RandomCrop, Resize, SquarePadCrop
from autrainer.transforms.sound import MFCC, Deltas, MelSpectrogram, PannMel, Resample
from autrainer.transforms.tensors import AnyToTensor, NumpyToTensor

__all__ = [
    "MFCC",
    "AbstractTransform",
    "AnyToTensor",
    "Deltas",
    "Expand",
    "FeatureExtractor",
    "GrayscaleToRGB",
    "ImageToFloat",
    "MelSpectrogram",
    "Normalize",
    "NumpyToTensor",
    "OpenSMILE",
    "PannMel",
    "RGBAToRGB",
    "RGBToGrayscale",
    "RandomCrop",
    "Resample",
    "Resize",
    "ScaleRange",
    "SmartCompose",
    "SpectToImage",
    "SquarePadCrop",
    "Standardizer",
    "StereoToMono",
    "TransformManager",
]
