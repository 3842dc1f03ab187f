"""Transforms: what happens to an item between its file and the model."""

from autrainer.transforms.base import AbstractTransform
from autrainer.transforms.colour import GrayscaleToRGB, RGBAToRGB, RGBToGrayscale, StereoToMono
from autrainer.transforms.compose import SmartCompose
from autrainer.transforms.manager import TransformManager
from autrainer.transforms.scaling import ImageToFloat, Normalize, ScaleRange, Standardizer
from autrainer.transforms.shapes import Expand, RandomCrop, Resize, SquarePadCrop
from autrainer.transforms.tensors import AnyToTensor, NumpyToTensor

__all__ = [
    "AbstractTransform",
    "AnyToTensor",
    "Expand",
    "GrayscaleToRGB",
    "ImageToFloat",
    "Normalize",
    "NumpyToTensor",
    "RGBAToRGB",
    "RGBToGrayscale",
    "RandomCrop",
    "Resize",
    "ScaleRange",
    "SmartCompose",
    "SquarePadCrop",
    "Standardizer",
    "StereoToMono",
    "TransformManager",
]
