"""What every dataset is: three splits, their targets and metrics, and a loader for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from autrainer.config.instantiate import instantiate_shorthand
from autrainer.config.packaged import has_configuration
from autrainer.config.schema.required_arguments import refuse_left_out
from autrainer.config.shorthand import Shorthand
from autrainer.data.file_handlers import AbstractFileHandler
from autrainer.data.items import DataBatch
from autrainer.data.paths.items import Collate
from autrainer.data.samplers.batch_order import SampleOrder
from autrainer.data.targets import AbstractTargetTransform
from autrainer.datasets.checking.arguments import (
    FOR_FILES,
    NEEDED,
    NO_FILES,
    index_of_files,
    index_of_table,
    refuse_files,
)
from autrainer.datasets.checking.damage import CHECK_FILES, check_limit
from autrainer.datasets.checking.naming import check_metrics, check_target_names
from autrainer.datasets.checking.splits import check_libraries, check_splits, check_strata
from autrainer.datasets.loaders import LoadersMixin
from autrainer.datasets.sampling import sampler_of
from autrainer.datasets.tables.features import FeatureColumns, TableDataset, table_problems
from autrainer.datasets.tables.frames import Listing, no_columns, read_frame
from autrainer.datasets.tables.strata import strata_of
from autrainer.datasets.wrapper import (
    DatasetWrapper,
    RawTargets,
    SplitDataset,
    as_list,
    targets_of,
)
from autrainer.errors import ConfigError, CorruptFileError, did_you_mean
from autrainer.metrics.base import AbstractMetric
from autrainer.runs.random.seeds import LARGEST_SEED
from autrainer.transforms.compose import SmartCompose

if TYPE_CHECKING:
    import pandas as pd

TASKS = ("classification", "ml-classification", "regression", "mt-regression")
SPLITS = ("train", "dev", "test")


class AbstractDataset(LoadersMixin, ABC):
    """Train, dev and test split of a data set that `train.csv`, `dev.csv` and `test.csv` list.

    Subclasses say what the targets mean (`target_transform`) and may say where the splits come
    from (`df_train`, `df_dev`, `df_test`), how samples are made (`_init_dataset`) and batched
    (`default_collate_fn`), where raw audio lies (`audio_subdir`) and how to get the data
    (`download`). Looked at when first used, all splits are checked together: what is wrong with
    them comes in one message.

    Names of files, labels of classes and strata are what the CSV files say: `01` is not `1`, `NA`
    is a name like any other, and only an empty cell is missing; see `read_frame`.

    Features are files, one per sample, or numbers that stand in columns of the CSV files
    themselves: with `features`, nothing that is about files is needed.

    Args:
        path: Folder of the CSV files.
        features_subdir: Folder of the files to load, in `features_path`; None for `audio_subdir`.
        seed: Decides the order of the train samples and seeds loader workers.
        task: `classification`, `ml-classification`, `regression` or `mt-regression`.
        metrics: Metrics in shorthand syntax.
        tracking_metric: The metric that tells which model is best, in shorthand syntax.
        index_column: Column with the paths of the files.
        target_column: Column with the targets, or several.
        file_type: Suffix of the files to load; it replaces that of the paths. None keeps theirs.
        file_handler: Loads a file, in shorthand syntax.
        features_path: Folder of the features if they lie elsewhere; None for `path`.
        train_transform: Applied to the train samples; None for nothing.
        dev_transform: Applied to the dev samples.
        test_transform: Applied to the test samples.
        stratify: Columns whose values split the metrics of dev and test.
        check_files: Files of a split up to which the header of each is read before training, to
            find those that are damaged. Of larger splits only the names are looked for.
        features: Columns that are the features, as float32 of shape (C,), in this order: names, or
            patterns with `*` and `?` that take no index, target or stratum. None for files.

    Raises:
        ConfigError: for a task, seed, folder, metric or column that does not exist.
    """

    label_kind: ClassVar[str] = "any"
    """What is checked in target columns: `any` nothing, `labels` none missing, `numbers` finite."""

    def __init__(
        self,
        path: str,
        features_subdir: str | None = FOR_FILES,
        seed: int = NEEDED,
        task: str = NEEDED,
        metrics: list[Shorthand] = NEEDED,
        tracking_metric: Shorthand = NEEDED,
        index_column: str | None = FOR_FILES,
        target_column: str | list[str] = NEEDED,
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
        refuse_left_out(type(self).__name__, locals())
        if features is not None:
            refuse_files(locals())
            features_subdir, file_type, file_handler = "", None, NO_FILES
        check_choice("task", task, TASKS)
        _check_seed(seed)
        self.task = task
        self.seed = seed
        self.path = path
        self.features_subdir = self.audio_subdir if features_subdir is None else features_subdir
        self.features_path = path if features_path is None else features_path
        self._check_folders()
        kind_of_index = index_of_files if features is None else index_of_table
        self.index_column = kind_of_index(index_column)
        check_target_names(target_column)
        self.target_column = target_column if isinstance(target_column, str) else [*target_column]
        self.file_type = file_type
        self.stratify = list(stratify or [])
        self._named_features = self._features_of_table(features)
        self.check_files = check_limit(check_files)
        self.metrics: list[AbstractMetric] = [
            instantiate_shorthand(metric, instance_of=AbstractMetric) for metric in metrics
        ]
        self.tracking_metric: AbstractMetric = instantiate_shorthand(
            tracking_metric, instance_of=AbstractMetric
        )
        check_metrics(self.metrics, self.tracking_metric)
        self.file_handler: AbstractFileHandler = instantiate_shorthand(
            file_handler, instance_of=AbstractFileHandler
        )
        self.train_transform = SmartCompose([]) if train_transform is None else train_transform
        self.dev_transform = SmartCompose([]) if dev_transform is None else dev_transform
        self.test_transform = SmartCompose([]) if test_transform is None else test_transform
        # For subclasses that draw something themselves; loaders have streams of their own.
        self._generator = torch.Generator().manual_seed(seed)
        self._splits: dict[str, Any] = {}
        self._is_checked = False
        check_strata(self)
        for transform in (self.train_transform, self.dev_transform, self.test_transform):
            transform.setup(self)

    @property
    def audio_subdir(self) -> str:
        """Folder of the raw audio in `path`."""
        return "default"

    @property
    @abstractmethod
    def target_transform(self) -> AbstractTargetTransform:
        """Encodes targets and decodes predictions."""

    @property
    def output_dim(self) -> int:
        """Number of outputs that a model needs."""
        return len(self.target_transform)

    @property
    def default_collate_fn(self) -> Collate:
        """Makes a batch of a list of items, unless a transform has its own way."""
        return DataBatch.collate

    @cached_property
    def df_train(self) -> pd.DataFrame:
        """Rows of the train split."""
        return self._read_csv("train")

    @cached_property
    def df_dev(self) -> pd.DataFrame:
        """Rows of the dev split."""
        return self._read_csv("dev")

    @cached_property
    def df_test(self) -> pd.DataFrame:
        """Rows of the test split."""
        return self._read_csv("test")

    @cached_property
    def train_dataset(self) -> Any:
        """Samples of the train split."""
        return self._checked_split("train")

    @cached_property
    def dev_dataset(self) -> Any:
        """Samples of the dev split."""
        return self._checked_split("dev")

    @cached_property
    def test_dataset(self) -> Any:
        """Samples of the test split."""
        return self._checked_split("test")

    def sample_names(self, subset: str) -> list[str] | None:
        """What the index column says of every sample of a split, in order.

        None if it says nothing of them: there is no such column, or a split has more or fewer
        samples than rows.

        Args:
            subset: `train`, `dev` or `test`.
        """
        split = getattr(self, f"{subset}_dataset")
        if isinstance(split, DatasetWrapper):
            names = split.names
        else:
            df = self._frame_of(subset)
            if self.index_column not in df.columns:
                return None
            names = list(map(str, df[self.index_column].tolist()))
        return names if len(names) == len(split) else None

    @cached_property
    def feature_columns(self) -> list[str]:
        """Columns of the train split that are the features; none if features are files."""
        if self._named_features is None:
            return []
        return self._named_features.of(list(self._frame_of("train").columns))

    def places(self, subset: str, positions: Sequence[int]) -> str:
        """Where samples of a split are listed: `data/train.csv, lines 2, 5`.

        Empty where they are not listed in a file.

        Args:
            subset: `train`, `dev` or `test`.
            positions: Positions in the split.
        """
        split = getattr(self, f"{subset}_dataset")
        if not isinstance(split, SplitDataset) or type(split).__len__ is not SplitDataset.__len__:
            return ""
        if not split.listing.is_file:
            return ""
        return f"{split.listing}, {split.listing.places(positions)}"

    def build_sampler(self, shorthand: Shorthand) -> SampleOrder:
        """A sampler of the train split; see `sampler_of`."""
        return sampler_of(self, shorthand)

    def strata(self, subset: str) -> dict[str, npt.NDArray[np.bool_]]:
        """For each value of the `stratify` columns, which rows of a split have it.

        Args:
            subset: `dev` or `test`.

        Returns:
            Masks over row positions, whatever the index of the frame, by the value as text. A
            value that several columns have is preceded by its column: `city=1`.
        """
        if not self.stratify:
            return {}
        return strata_of(self._frame_of(subset), self.stratify)

    def _frame_of(self, subset: str) -> pd.DataFrame:
        """Rows of the `train`, `dev` or `test` split."""
        df: pd.DataFrame = getattr(self, f"df_{subset}")
        return df

    def _listing_of(self, subset: str) -> Listing:
        """Where the rows of a split come from, for errors."""
        name = f"df_{subset}"
        if getattr(type(self), name) is getattr(AbstractDataset, name):
            return Listing(str(Path(self.path) / f"{subset}.csv"), is_file=True)
        return Listing(f"{name} of {type(self).__name__}")

    def _check_splits(self) -> None:
        """Look at all splits, once: columns, targets and files.

        Raises:
            DataError: with everything that is wrong.
        """
        if not self._is_checked:
            # Set before: the check itself asks for the target transform.
            self._is_checked = True
            try:
                self._look_at_splits()
            except BaseException:
                self._is_checked = False
                self._splits.clear()
                # Fitted on the way; who asks for it again gets the message again.
                vars(self).pop("target_transform", None)
                raise

    def _look_at_splits(self) -> None:
        check_splits(self, SPLITS)
        check_libraries(self, SPLITS)

    def _split_of(self, subset: str) -> Any:
        """Samples of a split, whether it has been checked or not."""
        if subset not in self._splits:
            dataset = self._build_split(subset)
            if isinstance(dataset, SplitDataset):
                dataset.listing = self._listing_of(subset)
            self._splits[subset] = dataset
        return self._splits[subset]

    def _files_of(self, subset: str) -> DatasetWrapper | None:
        """Samples of a split whose rows have problems, without targets, to look for files.

        None if the names of the files are part of the problem, or a subclass makes samples.
        """
        makes_samples = self._named_features is not None or any(
            getattr(type(self), name) is not getattr(AbstractDataset, name)
            for name in ("_init_dataset", "_build_split")
        )
        try:
            names = self._frame_of(subset)[self.index_column]
        except (KeyError, CorruptFileError):
            return None
        if makes_samples or names.isna().any():
            return None
        return DatasetWrapper(
            path=self.features_path,
            features_subdir=self.features_subdir,
            index_column=index_of_files(self.index_column),
            target_column=[],
            file_type=self.file_type,
            file_handler=self.file_handler,
            df=self._frame_of(subset),
        )

    @staticmethod  # a hook, not a duty
    def download(path: str) -> None:
        """Fetch the data set into a folder. Does nothing unless a dataset knows how."""

    def _init_dataset(self, df: pd.DataFrame, transform: SmartCompose) -> Any:
        """Samples of the rows of one split."""
        if self._named_features is not None:
            return TableDataset(
                self.feature_columns, self.target_column, df, transform, self.target_transform
            )
        return DatasetWrapper(
            path=self.features_path,
            features_subdir=self.features_subdir,
            index_column=index_of_files(self.index_column),
            target_column=self.target_column,
            file_type=self.file_type,
            file_handler=self.file_handler,
            df=df,
            transform=transform,
            target_transform=self.target_transform,
        )

    def _build_split(self, subset: str) -> Any:
        return self._init_dataset(self._frame_of(subset), self._transform(subset))

    def _raw_targets(self, subset: str) -> RawTargets:
        """Targets of a split before encoding; see `targets_of`."""
        return targets_of(self._frame_of(subset), self.target_column)

    def _checked_split(self, subset: str) -> Any:
        self._check_splits()
        return self._split_of(subset)

    def _transform(self, subset: str) -> SmartCompose:
        transform: SmartCompose = getattr(self, f"{subset}_transform")
        return transform

    def _read_csv(self, subset: str) -> pd.DataFrame:
        labels = as_list(self.target_column) if self.task == "classification" else []
        index = [] if self.index_column is None else [self.index_column]
        numbers = no_columns if self._named_features is None else self._named_features.of
        path = Path(self.path) / f"{subset}.csv"
        return read_frame(path, {*index, *self.stratify, *labels}, numbers)

    def _features_of_table(self, features: Any) -> FeatureColumns | None:
        if features is None:
            return None
        targets = as_list(self.target_column)
        index = [] if self.index_column is None else [self.index_column]
        return FeatureColumns(features, [*index, *targets, *self.stratify], targets)

    def _feature_problems(self, subset: str) -> Iterator[str]:
        """What is wrong with the features of a split, where they stand in its rows."""
        if self._named_features is None:
            return
        try:
            columns = self.feature_columns
        except (FileNotFoundError, CorruptFileError):
            # Told of the train split.
            return
        yield from table_problems(self._frame_of(subset), columns, self._listing_of(subset))

    def _check_folders(self) -> None:
        root = Path(self.features_path)
        for key, folder in (
            ("path" if root == Path(self.path) else "features_path", root),
            ("features_subdir", root / self.features_subdir),
        ):
            if not folder.is_dir():
                raise ConfigError(
                    f"dataset.{key}: there is no folder {str(folder)!r} (relative paths start at "
                    f"{Path.cwd()}){self._way_to(key)}"
                )

    def _way_to(self, key: str) -> str:
        """The command that makes a folder that is missing, if there is one."""
        if key == "path" and type(self).download is not AbstractDataset.download:
            return "; autrainer fetch downloads it"
        if key == "features_subdir" and has_configuration("preprocessing", self.features_subdir):
            return "; autrainer preprocess makes it"
        return ""


def check_choice(key: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Refuse a value that is not one of a few with a `ConfigError`."""
    if value not in choices:
        listed = ", ".join(map(repr, choices))
        hint = did_you_mean(str(value), map(str, choices))
        raise ConfigError(f"dataset.{key} is {value!r}; use one of {listed} {hint}".rstrip())


def _check_seed(seed: Any) -> None:
    is_integer = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not is_integer or not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(
            f"the seed of a dataset is {seed!r}; use an integer from 0 to {LARGEST_SEED}"
        )
