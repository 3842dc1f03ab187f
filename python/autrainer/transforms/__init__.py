"""Transforms: what happens to an item between its file and the model."""

from autrainer.transforms.base import AbstractTransform
from autrainer.transforms.colour import GrayscaleToRGB, RGBAToRGB, RGBToGrayscale, StereoToMono
from autrainer.transforms.compose import SmartCompose
from autrainer.transforms.manager import TransformManager
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
    "GrayscaleToRGB",
    "ImageToFloat",
    "MelSpectrogram",
    "Normalize",
    "NumpyToTensor",
    "PannMel",
    "RGBAToRGB",
    "RGBToGrayscale",
    "RandomCrop",
    "Resample",
    "Resize",
    "ScaleRange",
    "SmartCompose",
    "SquarePadCrop",
    "Standardizer",
    "StereoToMono",
    "TransformManager",
]
