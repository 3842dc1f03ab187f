"""Items, batches, loaders, file handlers and target transforms."""

from autrainer.data.file_handlers import (
    AbstractFileHandler,
    AudioFileHandler,
    IdentityFileHandler,
    ImageFileHandler,
    NumpyFileHandler,
)
from autrainer.data.items import AbstractDataBatch, AbstractDataItem, DataBatch, DataItem
from autrainer.data.loader import Loader
from autrainer.data.native.collate import collate_fields, gather_rows
from autrainer.data.native.shuffle import shuffled
from autrainer.data.padding import PaddedBatch
from autrainer.data.samplers.batches import EpochBatchSampler
from autrainer.data.samplers.block import BlockSampler
from autrainer.data.samplers.epoch import EpochSampler
from autrainer.data.samplers.weighted import BalancedSampler, WeightedSampler
from autrainer.data.split_source import Files, ItemsOnly, ResidentArrays, Source, SplitSource
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
    "AbstractDataBatch",
    "AbstractDataItem",
    "AbstractFileHandler",
    "AbstractTargetTransform",
    "AudioFileHandler",
    "BalancedSampler",
    "BlockSampler",
    "DataBatch",
    "DataItem",
    "EpochBatchSampler",
    "EpochSampler",
    "Files",
    "IdentityFileHandler",
    "ImageFileHandler",
    "ItemsOnly",
    "LabelEncoder",
    "Loader",
    "MinMaxScaler",
    "MultiLabelEncoder",
    "MultiTargetMinMaxScaler",
    "MultiTargetStandardScaler",
    "NumpyFileHandler",
    "PaddedBatch",
    "ResidentArrays",
    "Source",
    "SplitSource",
    "StandardScaler",
    "WeightedSampler",
    "collate_fields",
    "gather_rows",
    "shuffled",
]
