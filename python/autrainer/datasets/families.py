"""One base class per task: what the targets of a column mean."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, cast

import numpy as np

from autrainer.config.schema.required_arguments import Needed
from autrainer.config.shorthand import Shorthand
from autrainer.data.targets import (
    AbstractTargetTransform,
    LabelEncoder,
    MinMaxScaler,
    MultiLabelEncoder,
    MultiTargetMinMaxScaler,
    MultiTargetStandardScaler,
    StandardScaler,
    check_threshold,
    numbers,
)
from autrainer.datasets.base import AbstractDataset, check_choice
from autrainer.datasets.checking.arguments import FOR_FILES, NEEDED
from autrainer.datasets.checking.damage import CHECK_FILES
from autrainer.datasets.wrapper import RawTargets, as_list
from autrainer.errors import ConfigError
from autrainer.transforms.compose import SmartCompose

THRESHOLD = 0.5


SCALINGS = ("min-max", "standard")
"""How targets of regression can be scaled."""


def fit_target_transform(
    task: str,
    raw: RawTargets,
    target_column: str | list[str],
    threshold: float = THRESHOLD,
    scaling: str = "min-max",
) -> AbstractTargetTransform:
    """The target transform of a task, fitted on the train split.

    Args:
        task: One of `TASKS`.
        raw: Train targets: a list, or a table for a list of columns.
        target_column: Where they come from.
        threshold: Of ml-classification.
        scaling: Of regression, one of `SCALINGS`.

    Raises:
        DataError: if the targets do not suit the task.
    """
    if task == "classification":
        return LabelEncoder(list(dict.fromkeys(raw)))
    if task == "ml-classification":
        return MultiLabelEncoder(threshold, as_list(target_column))
    if isinstance(target_column, str):
        values = numbers(raw, target_column)
        if scaling == "standard":
            return StandardScaler(target_column, float(values.mean()), float(values.std()))
        return MinMaxScaler(target_column, float(values.min()), float(values.max()))
    table = np.asarray(raw)
    fitted = np.stack([numbers(table[:, i], name) for i, name in enumerate(target_column)])
    if scaling == "standard":
        means, deviations = fitted.mean(axis=1).tolist(), fitted.std(axis=1).tolist()
        return MultiTargetStandardScaler(target_column, means, deviations)
    minima, maxima = fitted.min(axis=1).tolist(), fitted.max(axis=1).tolist()
    return MultiTargetMinMaxScaler(target_column, minima, maxima)


class FittedDataset(AbstractDataset):
    """Takes its target transform from the train split and its task."""

    threshold: float = THRESHOLD
    target_scaling: str = "min-max"

    @cached_property
    def target_transform(self) -> AbstractTargetTransform:
        """Fitted on the train split, once all splits have been looked at."""
        self._check_splits()
        raw = self._raw_targets("train")
        return fit_target_transform(
            self.task, raw, self.target_column, self.threshold, self.target_scaling
        )


class BaseClassificationDataset(FittedDataset):
    """One label of several, those of the train split.

    Args are those of `AbstractDataset` without `task`.
    """

    label_kind: ClassVar[str] = "labels"

    def __init__(
        self,
        path: str,
        features_subdir: str | None = FOR_FILES,
        seed: int = NEEDED,
        metrics: list[Shorthand] = NEEDED,
        tracking_metric: Shorthand = NEEDED,
        index_column: str | None = FOR_FILES,
        target_column: str = NEEDED,
        file_type: str | None = FOR_FILES,
        file_handler: Shorthand = FOR_FILES,
        features_path: str | None = None,
        train_transform: SmartCompose | None = None,
        dev_transform: SmartCompose | None = None,
        test_transform: SmartCompose | None = None,
        stratify: list[str] | None = None,
        check_files: int = CHECK_FILES,
        features: list[str] | str | None = None,
    ) -> None:
        _check_column(target_column, "classification", "multi-label")
        super().__init__(
            path=path,
            features_subdir=features_subdir,
            seed=seed,
            task="classification",
            metrics=metrics,
            tracking_metric=tracking_metric,
            index_column=index_column,
            target_column=target_column,
            file_type=file_type,
            file_handler=file_handler,
            features_path=features_path,
            train_transform=train_transform,
            dev_transform=dev_transform,
            test_transform=test_transform,
            stratify=stratify,
            check_files=check_files,
            features=features,
        )


class BaseMLClassificationDataset(FittedDataset):
    """Any number of labels, a column of zeros and ones for each.

    Args are those of `AbstractDataset` without `task`, and these:

    Args:
        threshold: Probabilities above it count as a prediction of the label.
    """

    label_kind: ClassVar[str] = "numbers"

    def __init__(
        self,
        path: str,
        features_subdir: str | None = FOR_FILES,
        seed: int = NEEDED,
        metrics: list[Shorthand] = NEEDED,
        tracking_metric: Shorthand = NEEDED,
        index_column: str | None = FOR_FILES,
        target_column: list[str] = NEEDED,
        file_type: str | None = FOR_FILES,
        file_handler: Shorthand = FOR_FILES,
        features_path: str | None = None,
        train_transform: SmartCompose | None = None,
        dev_transform: SmartCompose | None = None,
        test_transform: SmartCompose | None = None,
        stratify: list[str] | None = None,
        threshold: float = THRESHOLD,
        check_files: int = CHECK_FILES,
        features: list[str] | str | None = None,
    ) -> None:
        check_threshold(threshold)
        _check_columns(target_column, "multi-label classification")
        self.threshold = threshold
        super().__init__(
            path=path,
            features_subdir=features_subdir,
            seed=seed,
            task="ml-classification",
            metrics=metrics,
            tracking_metric=tracking_metric,
            index_column=index_column,
            target_column=target_column,
            file_type=file_type,
            file_handler=file_handler,
            features_path=features_path,
            train_transform=train_transform,
            dev_transform=dev_transform,
            test_transform=test_transform,
            stratify=stratify,
            check_files=check_files,
            features=features,
        )


class BaseRegressionDataset(FittedDataset):
    """One number, scaled for the model by what the train split has.

    Args are those of `AbstractDataset` without `task`, and these:

    Args:
        target_scaling: `min-max` makes the train extrema 0 and 1, and no prediction lies outside of
            them; `standard` makes the mean 0 and the standard deviation 1, and predictions have no
            bounds.
    """

    label_kind: ClassVar[str] = "numbers"

    def __init__(
        self,
        path: str,
        features_subdir: str | None = FOR_FILES,
        seed: int = NEEDED,
        metrics: list[Shorthand] = NEEDED,
        tracking_metric: Shorthand = NEEDED,
        index_column: str | None = FOR_FILES,
        target_column: str = NEEDED,
        file_type: str | None = FOR_FILES,
        file_handler: Shorthand = FOR_FILES,
        features_path: str | None = None,
        train_transform: SmartCompose | None = None,
        dev_transform: SmartCompose | None = None,
        test_transform: SmartCompose | None = None,
        stratify: list[str] | None = None,
        check_files: int = CHECK_FILES,
        target_scaling: str = "min-max",
        features: list[str] | str | None = None,
    ) -> None:
        _check_column(target_column, "regression", "multi-target")
        check_choice("target_scaling", target_scaling, SCALINGS)
        self.target_scaling = target_scaling
        super().__init__(
            path=path,
            features_subdir=features_subdir,
            seed=seed,
            task="regression",
            metrics=metrics,
            tracking_metric=tracking_metric,
            index_column=index_column,
            target_column=target_column,
            file_type=file_type,
            file_handler=file_handler,
            features_path=features_path,
            train_transform=train_transform,
            dev_transform=dev_transform,
            test_transform=test_transform,
            stratify=stratify,
            check_files=check_files,
            features=features,
        )


class BaseMTRegressionDataset(FittedDataset):
    """Several numbers, each scaled for the model by what the train split has.

    Args are those of `AbstractDataset` without `task`, and these:

    Args:
        target_scaling: `min-max` makes the train extrema 0 and 1, and no prediction lies outside of
            them; `standard` makes the mean 0 and the standard deviation 1, and predictions have no
            bounds.
    """

    label_kind: ClassVar[str] = "numbers"

    def __init__(
        self,
        path: str,
        features_subdir: str | None = FOR_FILES,
        seed: int = NEEDED,
        metrics: list[Shorthand] = NEEDED,
        tracking_metric: Shorthand = NEEDED,
        index_column: str | None = FOR_FILES,
        target_column: list[str] = NEEDED,
        file_type: str | None = FOR_FILES,
        file_handler: Shorthand = FOR_FILES,
        features_path: str | None = None,
        train_transform: SmartCompose | None = None,
        dev_transform: SmartCompose | None = None,
        test_transform: SmartCompose | None = None,
        stratify: list[str] | None = None,
        check_files: int = CHECK_FILES,
        target_scaling: str = "min-max",
        features: list[str] | str | None = None,
    ) -> None:
        _check_columns(target_column, "multi-target regression")
        check_choice("target_scaling", target_scaling, SCALINGS)
        self.target_scaling = target_scaling
        super().__init__(
            path=path,
            features_subdir=features_subdir,
            seed=seed,
            task="mt-regression",
            metrics=metrics,
            tracking_metric=tracking_metric,
            index_column=index_column,
            target_column=target_column,
            file_type=file_type,
            file_handler=file_handler,
            features_path=features_path,
            train_transform=train_transform,
            dev_transform=dev_transform,
            test_transform=test_transform,
            stratify=stratify,
            check_files=check_files,
            features=features,
        )


def _check_column(target_column: Any, task: str, several: str) -> None:
    if isinstance(target_column, (str, Needed)):
        return
    if isinstance(target_column, (int, float)):
        fix = f"names of columns are texts: write {str(target_column)!r}, with quotes"
    else:
        fix = f"{task} has one column (use a {several} dataset for several)"
    raise ConfigError(f"dataset.target_column is {target_column!r}; {fix}")


def _check_columns(target_column: Any, task: str) -> None:
    if isinstance(target_column, Needed):
        return
    columns = cast("list[str]", target_column)
    if isinstance(columns, str) or not columns:
        raise ConfigError(
            f"dataset.target_column is {columns!r}; {task} needs a list of one or more columns"
        )
