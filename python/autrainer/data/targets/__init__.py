"""The target transforms that a dataset can have, and what they have in common."""

from autrainer.data.targets.base import (
    AbstractTargetTransform,
    RaggedTargetsError,
    UnusableTargetsError,
    numbers,
)
from autrainer.data.targets.labels import LabelEncoder, MultiLabelEncoder, check_threshold
from autrainer.data.targets.scalers import MinMaxScaler, MultiTargetMinMaxScaler
from autrainer.data.targets.standard_scalers import MultiTargetStandardScaler, StandardScaler

__all__ = [
    "AbstractTargetTransform",
    "LabelEncoder",
    "MinMaxScaler",
    "MultiLabelEncoder",
    "MultiTargetMinMaxScaler",
    "MultiTargetStandardScaler",
    "RaggedTargetsError",
    "StandardScaler",
    "UnusableTargetsError",
    "check_threshold",
    "numbers",
]
