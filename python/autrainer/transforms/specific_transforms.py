"""Address of the transform classes in files of earlier versions."""

from autrainer.transforms.colour import GrayscaleToRGB, RGBAToRGB, RGBToGrayscale, StereoToMono
from autrainer.transforms.scaling import ImageToFloat, Normalize, ScaleRange, Standardizer
from autrainer.transforms.shapes import Expand, RandomCrop, Resize, SquarePadCrop
from autrainer.transforms.tensors import AnyToTensor, NumpyToTensor

__all__ = [
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
    "SquarePadCrop",
    "Standardizer",
    "StereoToMono",
]
