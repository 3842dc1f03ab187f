"""The target transforms that a dataset can have, and what they have in common."""

from autrainer.data.encoding import (
    AbstractTargetTransform,
    RaggedTargetsError,
    UnusableTargetsError,
    numbers,
)
from autrainer.data.labels import LabelEncoder, MultiLabelEncoder, check_threshold
from autrainer.data.scalers import MinMaxScaler, MultiTargetMinMaxScaler
from autrainer.data.standard import MultiTargetStandardScaler, StandardScaler

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
