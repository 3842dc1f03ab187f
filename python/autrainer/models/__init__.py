"""Models."""

from autrainer.models.base import AbstractModel
from autrainer.models.ffnn import FFNN
from autrainer.models.sequential import SeqFFNN
from autrainer.models.small_cnn import SmallCNN

__all__ = ["FFNN", "AbstractModel", "SeqFFNN", "SmallCNN"]
