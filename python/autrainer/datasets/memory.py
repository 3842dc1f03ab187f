"""Datasets that need no files: their samples are computed or come with a library."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from autrainer.data.split_source import Files, ItemsOnly
from autrainer.data.targets import AbstractTargetTransform
from autrainer.datasets.base import SPLITS, AbstractDataset
from autrainer.datasets.checking.splits import check_targets
from autrainer.datasets.families import fit_target_transform
from autrainer.datasets.tables.frames import Listing
from autrainer.datasets.wrapper import RawTargets, SplitDataset, targets_of
from autrainer.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from autrainer.transforms.compose import SmartCompose

INDEX = "index"

Rows = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]
Features = Callable[[Rows], torch.Tensor]


class MemoryDataset(AbstractDataset):
    """Splits that are made of arrays; data frames are made when they are asked for.

    Subclasses give columns and features of a split. Whoever overrides `df_train`, `df_dev` or
    `df_test` selects samples by the column `index`.
    """

    resident_limit_bytes = 256 * 2**20
    """Features of a split that take more are made anew for each sample."""

    @abstractmethod
    def _columns(self, subset: str) -> Columns:
        """Target columns of a split by name."""

    @abstractmethod
    def _features(self, subset: str) -> Features:
        """What gives the features of some rows of a split; it can be sent to another process."""

    @cached_property
    def df_train(self) -> pd.DataFrame:
        """Rows of the train split: `index`, then the targets."""
        return self._make_frame("train")

    @cached_property
    def df_dev(self) -> pd.DataFrame:
        """Rows of the dev split: `index`, then the targets."""
        return self._make_frame("dev")

    @cached_property
    def df_test(self) -> pd.DataFrame:
        """Rows of the test split: `index`, then the targets."""
        return self._make_frame("test")

    @cached_property
    def target_transform(self) -> AbstractTargetTransform:
        """Fitted on the train split."""
        return fit_target_transform(self.task, self._raw_targets("train"), self.target_column)

    def sample_names(self, subset: str) -> list[str] | None:
        """None: samples of these datasets have no names."""
        return None

    def _make_frame(self, subset: str) -> pd.DataFrame:
        import pandas as pd

        columns = self._columns(subset)
        num_samples = len(next(iter(columns.values())))
        frame: pd.DataFrame = pd.DataFrame({INDEX: np.arange(num_samples), **columns})
        return frame

    def _has_own_frame(self, subset: str) -> bool:
        name = f"df_{subset}"
        return getattr(type(self), name) is getattr(MemoryDataset, name)

    def _raw_targets(self, subset: str) -> RawTargets:
        if not self._has_own_frame(subset):
            return super()._raw_targets(subset)
        columns = self._columns(subset)
        if isinstance(self.target_column, str):
            return list(columns[self.target_column].tolist())
        table = [columns[name] for name in self.target_column]
        return np.stack(table, axis=1).astype(np.float32)

    def _build_split(self, subset: str) -> Any:
        makes_items = type(self)._init_dataset is not MemoryDataset._init_dataset
        if makes_items or not self._has_own_frame(subset):
            return super()._build_split(subset)
        raw = self._raw_targets(subset)
        rows = np.arange(len(raw))
        return self._memory_split(subset, rows, raw, self._transform(subset))

    def _init_dataset(self, df: pd.DataFrame, transform: SmartCompose) -> SplitDataset:
        rows = df[INDEX].to_numpy(dtype=np.int64)
        raw = targets_of(df, self.target_column)
        return self._memory_split(self._subset_of(df), rows, raw, transform)

    def _subset_of(self, df: pd.DataFrame) -> str:
        for subset in SPLITS:
            if df is self._frame_of(subset):
                return subset
        raise DataError(
            f"{type(self).__name__} makes samples of its own splits only; override df_train, "
            "df_dev or df_test to select rows of them"
        )

    def _memory_split(
        self, subset: str, rows: Rows, raw: RawTargets, transform: SmartCompose
    ) -> MemorySplit:
        return MemorySplit(
            partial(_features_at, self._features(subset), rows),
            raw,
            self.resident_limit_bytes,
            transform,
            self.target_transform,
            # What a subclass of the user's computes may not be made for threads.
            is_thread_safe=type(self).__module__.startswith("autrainer."),
        )

    def _listing_of(self, subset: str) -> Listing:
        if self._has_own_frame(subset):
            return Listing(f"the {subset} split of {type(self).__name__}")
        return super()._listing_of(subset)

    def _look_at_splits(self) -> None:
        check_targets(self, SPLITS)


class MemorySplit(SplitDataset):
    """Samples that are computed, all at once where they fit a limit.

    Args:
        features: Gives the features of some positions.
        raw: Targets before encoding.
        limit_bytes: Keep the features in memory up to this size.
        transform: Applied to every item.
        target_transform: Encodes the targets.
        is_thread_safe: Several threads may compute features at the same time.
    """

    def __init__(
        self,
        features: Features,
        raw: RawTargets,
        limit_bytes: int,
        transform: SmartCompose | None = None,
        target_transform: AbstractTargetTransform | None = None,
        *,
        is_thread_safe: bool = False,
    ) -> None:
        super().__init__(transform, target_transform)
        self._features = features
        self._raw_values = raw
        self._limit_bytes = limit_bytes
        self._is_thread_safe = is_thread_safe

    def raw_targets(self) -> RawTargets:
        """Targets before encoding."""
        return self._raw_values

    def load_features(self, index: int) -> torch.Tensor:
        """Features of one sample."""
        if self._all is None:
            return self._features(np.array([index]))[0]
        return self._all[index].clone()

    def all_features(self) -> torch.Tensor | None:
        """Features of all samples, or None beyond the limit."""
        return self._all

    def _features_source(self) -> torch.Tensor | Files | ItemsOnly:
        if self._all is not None:
            return self._all
        return ItemsOnly(
            f"the features take more than {self._limit_bytes / 2**20:g} MiB and are computed anew",
            is_thread_safe=self._is_thread_safe,
        )

    @cached_property
    def _all(self) -> torch.Tensor | None:
        one = self._features(np.zeros(1, dtype=np.int64))
        if one.nbytes * len(self) > self._limit_bytes:
            return None
        return self._features(np.arange(len(self)))


def _features_at(features: Features, rows: Rows, positions: Rows) -> torch.Tensor:
    return features(rows[positions])
