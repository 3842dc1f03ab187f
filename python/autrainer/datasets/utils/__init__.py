"""Where existing projects import what datasets are made of from."""

from autrainer.data.file_handlers import (
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
    MultiTargetStandardScaler,
    StandardScaler,
)
from autrainer.datasets.fetching.downloads import ZipDownloadManager
from autrainer.datasets.wrapper import DatasetWrapper

__all__ = [
    "AbstractFileHandler",
    "AbstractTargetTransform",
    "AudioFileHandler",
    "DatasetWrapper",
    "IdentityFileHandler",
    "ImageFileHandler",
    "LabelEncoder",
    "MinMaxScaler",
    "MultiLabelEncoder",
    "MultiTargetMinMaxScaler",
    "MultiTargetStandardScaler",
    "NumpyFileHandler",
    "StandardScaler",
    "ZipDownloadManager",
]
