"""Items, batches, loaders, file handlers and target transforms.

Importing this imports nothing else: what a name needs is imported when the name is first used, so
that what only reads recordings (`data/native`) does without torch.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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

_HOMES = {
    "AbstractDataBatch": "autrainer.data.items",
    "AbstractDataItem": "autrainer.data.items",
    "AbstractFileHandler": "autrainer.data.file_handlers",
    "AbstractTargetTransform": "autrainer.data.targets",
    "AudioFileHandler": "autrainer.data.file_handlers",
    "BalancedSampler": "autrainer.data.samplers.weighted",
    "BlockSampler": "autrainer.data.samplers.block",
    "DataBatch": "autrainer.data.items",
    "DataItem": "autrainer.data.items",
    "EpochBatchSampler": "autrainer.data.samplers.batches",
    "EpochSampler": "autrainer.data.samplers.epoch",
    "Files": "autrainer.data.split_source",
    "IdentityFileHandler": "autrainer.data.file_handlers",
    "ImageFileHandler": "autrainer.data.file_handlers",
    "ItemsOnly": "autrainer.data.split_source",
    "LabelEncoder": "autrainer.data.targets",
    "Loader": "autrainer.data.loader",
    "MinMaxScaler": "autrainer.data.targets",
    "MultiLabelEncoder": "autrainer.data.targets",
    "MultiTargetMinMaxScaler": "autrainer.data.targets",
    "MultiTargetStandardScaler": "autrainer.data.targets",
    "NumpyFileHandler": "autrainer.data.file_handlers",
    "PaddedBatch": "autrainer.data.padding",
    "ResidentArrays": "autrainer.data.split_source",
    "Source": "autrainer.data.split_source",
    "SplitSource": "autrainer.data.split_source",
    "StandardScaler": "autrainer.data.targets",
    "WeightedSampler": "autrainer.data.samplers.weighted",
    "collate_fields": "autrainer.data.native.collate",
    "gather_rows": "autrainer.data.native.collate",
    "shuffled": "autrainer.data.native.shuffle",
}


def __getattr__(name: str) -> Any:
    """Import what a public name needs when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'autrainer.data' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
