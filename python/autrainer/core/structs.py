"""Where existing projects import items and batches from."""

from autrainer.data.items import AbstractDataBatch, AbstractDataItem, DataBatch, DataItem

__all__ = ["AbstractDataBatch", "AbstractDataItem", "DataBatch", "DataItem"]
