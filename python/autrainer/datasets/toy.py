"""Noise with labels: a dataset for every task that needs no files."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any

import numpy as np
import torch

from autrainer.config.shorthand import Shorthand
from autrainer.datasets.base import TASKS, check_choice
from autrainer.datasets.memory import Columns, Features, MemoryDataset, Rows
from autrainer.datasets.noise import NoiseTable
from autrainer.errors import ConfigError
from autrainer.transforms.compose import SmartCompose

DTYPES = ("float32", "uint8")


class ToyDataset(MemoryDataset):
    """Uniform noise as features, random targets. There is nothing to learn, but all to try out.

    Rows are cut into train, dev and test in this order. The features of a row are fixed by the seed
    and its number, so a sample is the same whenever and wherever it is read.

    Args:
        task: `classification`, `ml-classification`, `regression` or `mt-regression`.
        size: Number of samples of the three splits together.
        num_targets: Number of classes, labels or targets; regression has one.
        feature_shape: Shape of the features of a sample, or their number.
        dev_split: Share of the samples that goes to dev.
        test_split: Share of the samples that goes to test.
        seed: Decides targets and features, and the order of the train samples.
        metrics: Metrics in shorthand syntax.
        tracking_metric: The metric that tells which model is best, in shorthand syntax.
        dtype: `float32` for values in [0, 1), `uint8` for 0 to 255.
        train_transform: Applied to the train samples; None for nothing.
        dev_transform: Applied to the dev samples.
        test_transform: Applied to the test samples.

    Raises:
        ConfigError: for a value that cannot be, or if a split would be empty.
    """

    def __init__(
        self,
        task: str,
        size: int,
        num_targets: int,
        feature_shape: int | list[int],
        dev_split: float,
        test_split: float,
        seed: int,
        metrics: list[Shorthand],
        tracking_metric: Shorthand,
        dtype: str = "float32",
        train_transform: SmartCompose | None = None,
        dev_transform: SmartCompose | None = None,
        test_transform: SmartCompose | None = None,
    ) -> None:
        check_choice("task", task, TASKS)
        check_choice("dtype", dtype, DTYPES)
        self.size = _positive("size", size)
        self.num_targets = _positive("num_targets", num_targets)
        self.feature_shape = feature_shape
        self.dev_split = dev_split
        self.test_split = test_split
        self.dtype = dtype
        self._shape = _shape(feature_shape)
        self._starts = _cut(size, dev_split, test_split)
        super().__init__(
            path="/",
            features_subdir="",
            seed=seed,
            task=task,
            metrics=metrics,
            tracking_metric=tracking_metric,
            index_column="index",
            target_column=_target_column(task, num_targets),
            file_type="",
            file_handler="autrainer.data.file_handlers.IdentityFileHandler",
            train_transform=train_transform,
            dev_transform=dev_transform,
            test_transform=test_transform,
        )

    @cached_property
    def _all_columns(self) -> Columns:
        rng = np.random.default_rng(self.seed)
        if self.task == "classification":
            codes = rng.integers(0, self.num_targets, self.size)
            labels = [f"class_{code + 1}" for code in range(self.num_targets)]
            return {"target": np.array(labels, dtype=object)[codes]}
        if self.task == "regression":
            return {"target": rng.random(self.size)}
        if self.task == "mt-regression":
            return {name: rng.random(self.size).astype(np.float32) for name in self.target_column}
        return {
            name: rng.integers(0, 2, self.size).astype(np.float32) for name in self.target_column
        }

    def _columns(self, subset: str) -> Columns:
        start, stop = self._starts[subset]
        return {name: values[start:stop] for name, values in self._all_columns.items()}

    def _features(self, subset: str) -> Features:
        noise = NoiseTable(int(self.seed), self._shape, self.dtype)
        return partial(_noise_at, noise, self._starts[subset][0])


def _noise_at(noise: NoiseTable, start: int, rows: Rows) -> torch.Tensor:
    return torch.from_numpy(noise.take(rows + start))


def _target_column(task: str, num_targets: int) -> str | list[str]:
    prefix = {"ml-classification": "class", "mt-regression": "target"}.get(task)
    if prefix is None:
        return "target"
    return [f"{prefix}_{number + 1}" for number in range(num_targets)]


def _cut(size: int, dev_split: float, test_split: float) -> dict[str, tuple[int, int]]:
    """First and last-but-one row of each split."""
    if not (dev_split >= 0 and test_split >= 0 and dev_split + test_split < 1):
        raise ConfigError(
            f"dataset.dev_split is {dev_split!r} and dataset.test_split is {test_split!r}; use "
            "shares from 0 on that leave something for train"
        )
    num_dev, num_test = int(size * dev_split), int(size * test_split)
    num_train = size - num_dev - num_test
    for subset, count in (("train", num_train), ("dev", num_dev), ("test", num_test)):
        if count == 0:
            raise ConfigError(
                f"the {subset} split of {size} samples is empty (dev_split {dev_split}, test_split "
                f"{test_split}); use a larger dataset.size or other shares"
            )
    return {
        "train": (0, num_train),
        "dev": (num_train, num_train + num_dev),
        "test": (num_train + num_dev, size),
    }


def _shape(feature_shape: Any) -> tuple[int, ...]:
    sizes = [feature_shape] if isinstance(feature_shape, (int, np.integer)) else feature_shape
    if not isinstance(sizes, (list, tuple)):
        raise ConfigError(f"dataset.feature_shape is {feature_shape!r}; use an integer or a list")
    return tuple(_positive("feature_shape", size) for size in sizes)


def _positive(key: str, value: Any) -> int:
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_integer or value <= 0:
        raise ConfigError(f"dataset.{key} is {value!r}; use a positive integer")
    return int(value)
