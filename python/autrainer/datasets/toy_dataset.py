"""Address of the toy datasets in existing projects."""

from autrainer.datasets.memory import MemorySplit as ToyDatasetWrapper
from autrainer.datasets.toy import ToyDataset

__all__ = ["ToyDataset", "ToyDatasetWrapper"]
