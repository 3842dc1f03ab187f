"""MSP-Podcast: emotions in podcasts."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from autrainer.config.shorthand import Shorthand
from autrainer.datasets.checking.damage import CHECK_FILES
from autrainer.datasets.families import FittedDataset
from autrainer.datasets.tables.frames import read_frame
from autrainer.errors import ConfigError, did_you_mean
from autrainer.transforms.compose import SmartCompose

if TYPE_CHECKING:
    import pandas as pd

EMOTION = "EmoClass"
SETS = {"train": "Train", "dev": "Development", "test": "Test1"}


class MSPPodcast(FittedDataset):
    """MSP-Podcast: speaking turns with emotions as classes, and as three numbers.

    The folder holds `Labels/labels_consensus.csv` and the audio in `Audios`; the corpus is given
    out on request only. Test is Test1. The target `EmoClass` makes it classification, any other
    column (`EmoAct`, `EmoDom`, `EmoVal`) regression, a list of them regression of several targets.
    Reference: Lotfian and Busso, "Building Naturalistic Emotionally Balanced Speech Corpus by
    Retrieving Emotional Speech from Existing Podcast Recordings", IEEE Transactions on Affective
    Computing, 2019.

    Args are those of `AbstractDataset` without `task`, and these:

    Args:
        index_column: Column with the names of the files.
        features_subdir: Folder of the files to load; None for `Audios`.
        categories: Only turns of these emotions, such as [A, H, N, S]; None for all.

    Raises:
        ConfigError: for an emotion that there is not.
    """

    def __init__(
        self,
        path: str,
        seed: int,
        metrics: list[Shorthand],
        tracking_metric: Shorthand,
        target_column: str | list[str],
        file_type: str | None,
        file_handler: Shorthand,
        index_column: str = "FileName",
        features_subdir: str | None = None,
        train_transform: SmartCompose | None = None,
        dev_transform: SmartCompose | None = None,
        test_transform: SmartCompose | None = None,
        stratify: list[str] | None = None,
        categories: list[str] | None = None,
        features_path: str | None = None,
        check_files: int = CHECK_FILES,
    ) -> None:
        self.categories = None if categories is None else list(categories)
        task = "regression" if isinstance(target_column, str) else "mt-regression"
        task = "classification" if target_column == EMOTION else task
        self.label_kind = (  # type: ignore[misc]  # of the task, so of the instance here
            "labels" if task == "classification" else "numbers"
        )
        super().__init__(
            path=path,
            features_subdir=features_subdir,
            seed=seed,
            task=task,
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
        )

    @property
    def audio_subdir(self) -> str:
        """Folder of the raw audio."""
        return "Audios"

    @cached_property
    def df_train(self) -> pd.DataFrame:
        """Turns of the set Train."""
        return self._of("train")

    @cached_property
    def df_dev(self) -> pd.DataFrame:
        """Turns of the set Development."""
        return self._of("dev")

    @cached_property
    def df_test(self) -> pd.DataFrame:
        """Turns of the set Test1."""
        return self._of("test")

    @cached_property
    def _labels(self) -> pd.DataFrame:
        index = self.index_column
        assert index is not None
        path = Path(self.path) / "Labels" / "labels_consensus.csv"
        frame = read_frame(path, {index, EMOTION, *self.stratify})
        if self.categories is None:
            return frame
        there = set(frame[EMOTION].dropna())
        for category in self.categories:
            if category not in there:
                hint = did_you_mean(category, there) or f"there are {', '.join(sorted(there))}"
                raise ConfigError(f"dataset.categories: {path} has no {category!r}; {hint}")
        rows: pd.DataFrame = frame[frame[EMOTION].isin(self.categories)]
        return rows

    def _of(self, subset: str) -> pd.DataFrame:
        labels = self._labels
        rows: pd.DataFrame = labels[labels["Split_Set"] == SETS[subset]].reset_index(drop=True)
        return rows
