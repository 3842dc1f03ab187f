"""Where stored runs find target transforms, each in a module of its own."""

from autrainer.data.targets import (
    AbstractTargetTransform,
    LabelEncoder,
    MinMaxScaler,
    MultiLabelEncoder,
    MultiTargetMinMaxScaler,
    MultiTargetStandardScaler,
    StandardScaler,
)

__all__ = [
    "AbstractTargetTransform",
    "LabelEncoder",
    "MinMaxScaler",
    "MultiLabelEncoder",
    "MultiTargetMinMaxScaler",
    "MultiTargetStandardScaler",
    "StandardScaler",
]
