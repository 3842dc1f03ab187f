"""DCASE 2018, task 3: whether a bird is heard."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autrainer.config.shorthand import Shorthand
from autrainer.datasets.checking.damage import CHECK_FILES
from autrainer.datasets.corpora.dev_splits import check_dev_split, warn_of_test_as_dev
from autrainer.datasets.corpora.obtaining import (
    Source,
    Tables,
    check_audio,
    find_file,
    move_audio,
    obtain,
)
from autrainer.datasets.families import BaseClassificationDataset
from autrainer.transforms.compose import SmartCompose

if TYPE_CHECKING:
    import pandas as pd


class DCASE2018Task3(BaseClassificationDataset):
    """Bird audio detection: 10 s with or without a bird.

    Train are freefield1010 and BirdVox-DCASE-20k, test is warblrb10k.
    Reference: Stowell et al., "Automatic Acoustic Detection of Birds Through Deep Learning: The
    First Bird Audio Detection Challenge", Methods in Ecology and Evolution, 2019.

    Args are those of `BaseClassificationDataset`, and these:

    Args:
        dev_split: Share of train that becomes dev; 0 takes the test set as dev, with a warning.
        dev_split_seed: Decides which rows they are; None for `seed`.

    Raises:
        ConfigError: if the share is none.
    """

    def __init__(
        self,
        path: str,
        features_subdir: str | None,
        seed: int,
        metrics: list[Shorthand],
        tracking_metric: Shorthand,
        index_column: str,
        target_column: str,
        file_type: str | None,
        file_handler: Shorthand,
        features_path: str | None = None,
        train_transform: SmartCompose | None = None,
        dev_transform: SmartCompose | None = None,
        test_transform: SmartCompose | None = None,
        stratify: list[str] | None = None,
        dev_split: float = 0.0,
        dev_split_seed: int | None = None,
        check_files: int = CHECK_FILES,
    ) -> None:
        self.dev_split = check_dev_split(dev_split)
        self.dev_split_seed = seed if dev_split_seed is None else dev_split_seed
        super().__init__(
            path=path,
            features_subdir=features_subdir,
            seed=seed,
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
        warn_of_test_as_dev(self, dev_split)

    @cached_property
    def df_train(self) -> pd.DataFrame:
        """Rows of train.csv that are not dev."""
        return self._parts[0]

    @cached_property
    def df_dev(self) -> pd.DataFrame:
        """Rows of train.csv that were drawn, or those of test.csv."""
        return self._parts[1]

    @cached_property
    def _parts(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        frame = self._read_csv("train")
        if not self.dev_split:
            return frame, self.df_test
        drawn = np.random.default_rng(self.dev_split_seed).permutation(len(frame))
        is_train = np.zeros(len(frame), dtype=bool)
        is_train[drawn[: int(len(frame) * (1 - self.dev_split))]] = True
        train, dev = (frame[rows].reset_index(drop=True) for rows in (is_train, ~is_train))
        return train, dev

    @staticmethod
    def download(path: str, mirror: str | None = None) -> None:
        """Fetch the data set, 25 GB; see `obtain` for errors.

        Args:
            path: Folder of the data set.
            mirror: Address of a folder that holds the same files.
        """
        obtain(path, SOURCES, build, mirror=mirror)


TRAIN = ("ff1010bird_metadata_2018.csv", "BirdVoxDCASE20k_csvpublic.csv")
TEST = ("warblrb10k_public_metadata_2018.csv",)

SOURCES = {
    "ff1010bird_wav.zip": Source("https://archive.org/download/ff1010bird/ff1010bird_wav.zip"),
    "BirdVox-DCASE-20k.zip": Source(
        "https://zenodo.org/records/1208080/files/BirdVox-DCASE-20k.zip"
    ),
    "warblrb10k_public_wav.zip": Source(
        "https://archive.org/download/warblrb10k_public/warblrb10k_public_wav.zip"
    ),
    TRAIN[0]: Source("https://ndownloader.figshare.com/files/10853303"),
    TRAIN[1]: Source("https://ndownloader.figshare.com/files/10853300"),
    TEST[0]: Source("https://ndownloader.figshare.com/files/10853306"),
}


def build(unpacked: Path, audio: Path) -> Tables:
    """Move the audio, and join the labels."""
    import pandas as pd

    move_audio(unpacked, audio)
    tables = {}
    for name, parts in (("train.csv", TRAIN), ("test.csv", TEST)):
        frame = pd.concat([pd.read_csv(find_file(unpacked, part)) for part in parts])
        columns = {"itemid": "filename", "datasetid": "dataset"}
        frame = frame.rename(columns=columns)[["filename", "dataset", "hasbird"]]
        frame["filename"] = frame["filename"].astype(str) + ".wav"
        frame["hasbird"] = frame["hasbird"].astype(int)
        tables[name] = frame.reset_index(drop=True)
    return check_audio(tables, "filename", audio)
