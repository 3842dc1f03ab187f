"""Where existing projects import file handlers and target transforms from."""

from autrainer.data.files import (
    AbstractFileHandler,
    AudioFileHandler,
    IdentityFileHandler,
    ImageFileHandler,
    NumpyFileHandler,
)
from autrainer.data.targets import (
    AbstractTargetTransform,
    LabelEncoder,
    MinMaxScaler,
    MultiLabelEncoder,
    MultiTargetMinMaxScaler,
)

__all__ = [
    "AbstractFileHandler",
    "AbstractTargetTransform",
    "AudioFileHandler",
    "IdentityFileHandler",
    "ImageFileHandler",
    "LabelEncoder",
    "MinMaxScaler",
    "MultiLabelEncoder",
    "MultiTargetMinMaxScaler",
    "NumpyFileHandler",
]
