"""Datasets: what a run learns from."""

from autrainer.datasets.base import AbstractDataset
from autrainer.datasets.digits import Digits
from autrainer.datasets.families import (
    BaseClassificationDataset,
    BaseMLClassificationDataset,
    BaseMTRegressionDataset,
    BaseRegressionDataset,
)
from autrainer.datasets.mandarin_tones import MandarinTones
from autrainer.datasets.table import TableDataset
from autrainer.datasets.toy import ToyDataset
from autrainer.datasets.wrapper import DatasetWrapper

__all__ = [
    "AbstractDataset",
    "BaseClassificationDataset",
    "BaseMLClassificationDataset",
    "BaseMTRegressionDataset",
    "BaseRegressionDataset",
    "DatasetWrapper",
    "Digits",
    "MandarinTones",
    "TableDataset",
    "ToyDataset",
]
