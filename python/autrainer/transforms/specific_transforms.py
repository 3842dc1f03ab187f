"""Address of the transform classes in files of earlier versions."""

from autrainer.transforms.colour import GrayscaleToRGB, RGBAToRGB, RGBToGrayscale, StereoToMono
from autrainer.transforms.extractors import FeatureExtractor, OpenSMILE
from autrainer.transforms.pictures import SpectToImage
from autrainer.transforms.scaling import ImageToFloat, Normalize, ScaleRange, Standardizer
from autrainer.transforms.shapes import Expand, RandomCrop, Resize, SquarePadCrop
from autrainer.transforms.sound import MFCC, Deltas, MelSpectrogram, PannMel, Resample
from autrainer.transforms.tensors import AnyToTensor, NumpyToTensor

__all__ = [
    "MFCC",
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
    "SpectToImage",
    "SquarePadCrop",
    "Standardizer",
    "StereoToMono",
]
