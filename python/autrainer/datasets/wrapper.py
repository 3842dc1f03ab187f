"""The samples of one split: features of one sample at a time, targets of all of them at once."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from autrainer.data.file_handlers import AbstractFileHandler, native_format
from autrainer.data.file_names import with_suffix
from autrainer.data.items import AbstractDataItem, DataItem
from autrainer.data.lengths import lengths_of_files, size_along
from autrainer.data.nonfinite import inspect_raw_features
from autrainer.data.split_source import Files, ItemsOnly, ResidentArrays, SplitSource
from autrainer.data.targets import AbstractTargetTransform, RaggedTargetsError
from autrainer.datasets.tables.frames import Listing, wrong_separator
from autrainer.errors import CorruptFileError, DataError, did_you_mean
from autrainer.transforms.plan import crop_plan, plan

if TYPE_CHECKING:
    import pandas as pd

NUM_LISTED = 20
RawTargets = Sequence[Any] | npt.NDArray[Any]


class SplitDataset(ABC, torch.utils.data.Dataset[Any]):
    """Samples with targets that are encoded once, when the first one is needed.

    Args:
        transform: Applied to every item, target not yet encoded; None for none.
        target_transform: Encodes the targets; None leaves them as they are.
    """

    listing: Listing = Listing("the data frame")
    """Where the samples are listed, for errors."""

    shows_raw_features: ClassVar[bool] = True
    """A loader that looks for NaN gets to see features before they are transformed."""

    def __init__(
        self,
        transform: Callable[[Any], Any] | None = None,
        target_transform: AbstractTargetTransform | None = None,
    ) -> None:
        self.transform = transform
        self.target_transform = target_transform

    @abstractmethod
    def raw_targets(self) -> RawTargets:
        """Targets of all samples before encoding: a list, or float32 of shape (N, T)."""

    @abstractmethod
    def load_features(self, index: int) -> Any:
        """Features of one sample before any transform; the caller owns them."""

    def all_features(self) -> torch.Tensor | None:
        """What `load_features` gives for all samples, if they lie in memory, shape (N, ...)."""
        return None

    @cached_property
    def targets(self) -> torch.Tensor | None:
        """Encoded targets, shape (N,) or (N, T); None if they fit no tensor.

        Raises:
            DataError: if a target cannot be encoded.
        """
        if self.target_transform is None:
            return None
        try:
            return self.target_transform.encode_all(self._raw)
        except RaggedTargetsError:
            return None

    def source(self) -> SplitSource | ItemsOnly:
        """What whole batches are made of, or why items have to be made one by one."""
        name = type(self).__name__
        if type(self).__getitem__ is not SplitDataset.__getitem__:
            return ItemsOnly(f"{name} makes items in its own way")
        transform = self.transform if self._transform_acts() else None
        steps = plan(transform)
        if steps.reason is not None:
            return ItemsOnly(steps.reason)
        features = self._features_source()
        if isinstance(features, ItemsOnly):
            return features
        if self.targets is None:
            return ItemsOnly(f"targets of {name} fit no tensor")
        if isinstance(features, Files) and features.format.kind == "audio":
            return self._source_of_sound(features, self.targets, transform)
        return SplitSource(features, self.targets, steps.fixed, steps.varying, self._dtype)

    def _source_of_sound(
        self, files: Files, targets: torch.Tensor, transform: Callable[[Any], Any] | None
    ) -> SplitSource:
        """Recordings, of which the core makes what it can: of all of them, and of slices."""
        crop = crop_plan(transform)
        slices = None
        if crop is not None:
            format = replace(files.format, steps=crop.native, crop=crop.crop)
            sliced = replace(files, format=format, then=crop.replaced, draws=crop.draws)
            slices = SplitSource(sliced, targets, None, crop.varying, self._dtype)
        steps = plan(transform, is_sound=True)
        whole = replace(
            files, format=replace(files.format, steps=steps.native), then=steps.replaced
        )
        return SplitSource(whole, targets, steps.fixed, steps.varying, self._dtype, slices)

    def resident(self) -> ResidentArrays | None:
        """The whole split as the model gets it, or None if its items are made one by one."""
        is_own_item = type(self).__getitem__ is SplitDataset.__getitem__
        if not is_own_item or self._transform_acts():
            return None
        features = self.all_features()
        if features is None or self.targets is None:
            return None
        return ResidentArrays(self._cast(features), self.targets)

    def lengths(self, axis: int) -> npt.NDArray[np.int64] | None:
        """Length of each sample along an axis of it, before any transform; None if unknown.

        Args:
            axis: An axis of a sample.

        Raises:
            DataError: naming a sample without such an axis.
        """
        features = self._features_source()
        if isinstance(features, ItemsOnly):
            return None
        if isinstance(features, Files):
            return lengths_of_files(features, axis)
        size = size_along(tuple(features.shape[1:]), axis, self.name_of(0))
        return np.full(len(self), size, dtype=np.int64)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._raw)

    def __getitem__(self, index: int) -> AbstractDataItem:
        """One sample with its encoded target and its position in the split.

        Raises:
            IndexError: if there is no such position.
        """
        position = self._position(index)
        if not self._transform_acts():
            features = self._cast(self._raw_features(position))
            return DataItem(features, self._encoded(position), position)
        raw = self._raw_of(position)
        assert self.transform is not None
        item: AbstractDataItem = self.transform(
            DataItem(self._raw_features(position), raw, position)
        )
        item.features = self._cast(item.features)
        if item.target is raw and not isinstance(raw, torch.Tensor):
            item.target = self._encoded(position)
        elif self.target_transform is not None:
            item.target = self.target_transform(item.target)
        return item

    @cached_property
    def _raw(self) -> RawTargets:
        return self.raw_targets()

    @cached_property
    def _scalars(self) -> list[Any] | None:
        """Encoded targets as Python numbers, where there is one per sample."""
        if self.targets is None or self.targets.ndim != 1:
            return None
        return self.targets.tolist()

    def _position(self, index: int) -> int:
        position = int(index)
        if not -len(self) <= position < len(self):
            raise IndexError(f"{self.listing} has {len(self)} samples, there is no sample {index}")
        return position % len(self)

    def _transform_acts(self) -> bool:
        # A compose without steps does nothing.
        return self.transform is not None and bool(getattr(self.transform, "transforms", True))

    def _features_source(self) -> torch.Tensor | Files | ItemsOnly:
        """Where features come from that `load_features` gives one by one."""
        features = self.all_features()
        if features is None:
            return ItemsOnly(f"features of {type(self).__name__} are made one by one")
        return features

    @property
    def _dtype(self) -> torch.dtype | None:
        """What features become in the end; None for what they are."""
        return None

    def _cast(self, features: Any) -> Any:
        if self._dtype is None or not isinstance(features, (torch.Tensor, np.ndarray)):
            return features
        return torch.as_tensor(features).to(self._dtype)

    def _raw_features(self, position: int) -> Any:
        features = self.load_features(position)
        inspect_raw_features(features, lambda: self.name_of(position))
        return features

    def name_of(self, position: int) -> str:
        """Name of a sample, for messages."""
        return f"sample {position} of {self.listing}"

    def _raw_of(self, position: int) -> Any:
        raw = self._raw[position]
        return torch.tensor(raw) if isinstance(raw, np.ndarray) else raw

    def _encoded(self, position: int) -> Any:
        if self._scalars is not None:
            return self._scalars[position]
        if self.targets is not None:
            return self.targets[position].clone()
        raw = self._raw_of(position)
        return raw if self.target_transform is None else self.target_transform(raw)


class DatasetWrapper(SplitDataset):
    """Samples of a data frame whose features are files.

    Args:
        path: Root folder of the features.
        features_subdir: Folder in it.
        index_column: Column with the paths of the files in that folder.
        target_column: Column, or list of columns, with the targets.
        file_handler: Loads a file.
        df: The samples, in order.
        file_type: Replaces the last suffix of the paths; None keeps them.
        transform: Applied to every item, target not yet encoded. If there is one, even without
            steps, features become float32.
        target_transform: Encodes the targets.

    Raises:
        DataError: if the frame lacks one of the columns.
    """

    def __init__(
        self,
        path: str,
        features_subdir: str | None,
        index_column: str,
        target_column: str | list[str],
        file_handler: AbstractFileHandler,
        df: pd.DataFrame,
        file_type: str | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: AbstractTargetTransform | None = None,
    ) -> None:
        super().__init__(transform, target_transform)
        problems = missing_columns(df, [index_column, *as_list(target_column)])
        if problems:
            raise DataError("\n".join(problems))
        self.path = path
        self.features_subdir = features_subdir
        self.index_column = index_column
        self.target_column = target_column
        self.file_handler = file_handler
        self.df = df
        self.file_type = file_type

    @property
    def names(self) -> list[str]:
        """What the index column says of every sample."""
        return list(map(str, self.df[self.index_column].tolist()))

    @cached_property
    def paths(self) -> list[str]:
        """Path of every sample's file."""
        prefix = os.path.join(self.path, self.features_subdir or "", "")
        paths = [name if os.path.isabs(name) else prefix + name for name in self.names]
        if self.file_type is None:
            return paths
        return [with_suffix(path, self.file_type) for path in paths]

    def raw_targets(self) -> RawTargets:
        """The cells of the target column, or a table of the target columns."""
        return targets_of(self.df, self.target_column)

    def load_features(self, index: int) -> Any:
        """What the file handler makes of one sample's file."""
        path = self.paths[index]
        try:
            return self.file_handler(path)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                error.errno, f"{error.strerror or error}; {self.listing.place(index)}", path
            ) from error
        except CorruptFileError as error:
            raise CorruptFileError(f"{error}; {self.listing.place(index)}") from error

    def _features_source(self) -> torch.Tensor | Files | ItemsOnly:
        kind = type(self)
        is_own = kind.load_features is DatasetWrapper.load_features
        if not is_own:
            return ItemsOnly(f"{kind.__name__} loads features in its own way")
        native = native_format(self.file_handler)
        if native is None:
            return ItemsOnly(f"files of {type(self.file_handler).__name__} are read by Python")
        return Files(self.paths, native, self.load_features)

    @property
    def _dtype(self) -> torch.dtype | None:
        return None if self.transform is None else torch.float32

    def name_of(self, position: int) -> str:
        """Path of a sample's file."""
        return self.paths[position]


def as_list(target_column: str | list[str]) -> list[str]:
    """Target columns as a list, also if there is one."""
    return [target_column] if isinstance(target_column, str) else list(target_column)


def targets_of(df: pd.DataFrame, target_column: str | list[str]) -> RawTargets:
    """Targets of a frame: a list of cells for a column, float32 (N, T) for a list of columns.

    Raises:
        DataError: if one of several columns holds something that is no number.
    """
    if isinstance(target_column, str):
        return list(df[target_column].tolist())
    try:
        return np.ascontiguousarray(df[list(target_column)].to_numpy(dtype=np.float32))
    except (TypeError, ValueError) as error:
        raise DataError(f"columns {list(target_column)} have to hold numbers: {error}") from error


def missing_columns(df: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """A sentence for each column that a frame lacks; one for all where commas are missing."""
    present = list(map(str, df.columns))
    absent = [column for column in columns if column not in df.columns]
    separator = wrong_separator(present)
    if absent and separator is not None:
        told = f"there is one column, {present[0]!r}"
        return [f"{told}; save the table with commas instead of {separator!r}"]
    return [f"there is no column {column!r}; {_nearest(column, present)}" for column in absent]


def _nearest(column: Any, present: list[str]) -> str:
    if not isinstance(column, str) and str(column) in present:
        return f"names of columns are texts: write {str(column)!r}, with quotes"
    listed = ", ".join(map(repr, present[:NUM_LISTED]))
    more = f", ... ({len(present)} in all)" if len(present) > NUM_LISTED else ""
    return did_you_mean(column, present) or f"there are {listed}{more}"
