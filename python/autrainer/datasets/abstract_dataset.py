"""Address of the base classes of datasets in existing projects."""

from autrainer.datasets.base import AbstractDataset
from autrainer.datasets.families import (
    BaseClassificationDataset,
    BaseMLClassificationDataset,
    BaseMTRegressionDataset,
    BaseRegressionDataset,
)

__all__ = [
    "AbstractDataset",
    "BaseClassificationDataset",
    "BaseMLClassificationDataset",
    "BaseMTRegressionDataset",
    "BaseRegressionDataset",
]
