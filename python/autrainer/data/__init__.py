"""Items, batches, loaders, file handlers and target transforms."""

from autrainer.data.collate import collate_fields, gather_rows
from autrainer.data.files import (
    AbstractFileHandler,
    AudioFileHandler,
    IdentityFileHandler,
    ImageFileHandler,
    NumpyFileHandler,
)
from autrainer.data.items import AbstractDataBatch, AbstractDataItem, DataBatch, DataItem
from autrainer.data.loader import Loader, ResidentArrays
from autrainer.data.sampler import EpochBatchSampler, EpochSampler, shuffled
from autrainer.data.targets import (
    AbstractTargetTransform,
    LabelEncoder,
    MinMaxScaler,
    MultiLabelEncoder,
    MultiTargetMinMaxScaler,
)

__all__ = [
    "AbstractDataBatch",
    "AbstractDataItem",
    "AbstractFileHandler",
    "AbstractTargetTransform",
    "AudioFileHandler",
    "DataBatch",
    "DataItem",
    "EpochBatchSampler",
    "EpochSampler",
    "IdentityFileHandler",
    "ImageFileHandler",
    "LabelEncoder",
    "Loader",
    "MinMaxScaler",
    "MultiLabelEncoder",
    "MultiTargetMinMaxScaler",
    "NumpyFileHandler",
    "ResidentArrays",
    "collate_fields",
    "gather_rows",
    "shuffled",
]
