"""DCASE 2020, task 1A: acoustic scenes of TAU by several devices."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from autrainer.config.shorthand import Shorthand
from autrainer.datasets.base import check_choice
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
from autrainer.errors import ConfigError, CorruptFileError, did_you_mean
from autrainer.runs.web.integrity import Expected
from autrainer.runs.writing.files import make_folder
from autrainer.transforms.compose import SmartCompose

if TYPE_CHECKING:
    import pandas as pd

SCENES = {
    "indoor": ("airport", "shopping_mall", "metro_station"),
    "outdoor": ("park", "public_square", "street_pedestrian", "street_traffic"),
    "transportation": ("bus", "metro", "tram"),
}


class DCASE2020Task1A(BaseClassificationDataset):
    """TAU Urban Acoustic Scenes 2020 Mobile: 10 s in ten scenes, twelve cities, by nine devices.

    Dev and train have no location in common.
    Reference: Heittola, Mesaros and Virtanen, "Acoustic Scene Classification in DCASE 2020
    Challenge: Generalization Across Devices and Low Complexity Solutions", DCASE 2020.

    Args are those of `BaseClassificationDataset`, and these:

    Args:
        dev_split: Locations are drawn for dev until it has this share of the rows of train.csv; 0
            takes the test set as dev, with a warning.
        dev_split_seed: Decides which locations they are; None for `seed`.
        scene_category: Only scenes that are `indoor`, `outdoor` or `transportation`; None for all.
        exclude_cities: Cities whose rows are left out of train, and of train only.

    Raises:
        ConfigError: for a share, category or city that there is not.
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
        scene_category: str | None = None,
        exclude_cities: list[str] | None = None,
        check_files: int = CHECK_FILES,
    ) -> None:
        self.dev_split = check_dev_split(dev_split)
        self.dev_split_seed = seed if dev_split_seed is None else dev_split_seed
        check_choice("scene_category", scene_category, (None, *SCENES))
        self.scene_category = scene_category
        self.exclude_cities = list(exclude_cities or [])
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
        """Rows of train.csv at other locations than dev, without the cities left out."""
        frame = self._parts[0]
        cities = set(frame["city"])
        for city in self.exclude_cities:
            if city not in cities:
                hint = did_you_mean(city, cities) or f"there are {', '.join(sorted(cities))}"
                raise ConfigError(f"dataset.exclude_cities: there is no city {city!r}; {hint}")
        return self._of_category(frame[~frame["city"].isin(self.exclude_cities)])

    @cached_property
    def df_dev(self) -> pd.DataFrame:
        """Rows of train.csv at the locations that were drawn, or those of test.csv."""
        return self._of_category(self._parts[1])

    @cached_property
    def df_test(self) -> pd.DataFrame:
        """Rows of test.csv."""
        return self._of_category(self._read_csv("test"))

    @cached_property
    def _parts(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        frame = self._read_csv("train")
        if not self.dev_split:
            return frame, self._read_csv("test")
        locations = frame["location"].unique()
        np.random.default_rng(self.dev_split_seed).shuffle(locations)
        counts = frame["location"].value_counts()
        # Rows of dev before each location: it is drawn while they are too few.
        before = np.cumsum([0, *(counts[location] for location in locations)])[:-1]
        is_drawn = before < self.dev_split * len(frame)
        is_dev = frame["location"].isin(locations[is_drawn])
        return frame[~is_dev], frame[is_dev]

    def _of_category(self, frame: pd.DataFrame) -> pd.DataFrame:
        if self.scene_category is not None:
            frame = frame[frame["scene_label"].isin(SCENES[self.scene_category])]
        rows: pd.DataFrame = frame.reset_index(drop=True)
        return rows

    @staticmethod
    def download(path: str, mirror: str | None = None) -> None:
        """Fetch the development set, 30 GB; see `obtain` for errors.

        Args:
            path: Folder of the data set.
            mirror: Address of a folder that holds the same files.
        """
        obtain(path, SOURCES, build, mirror=mirror)


def build(unpacked: Path, audio: Path) -> Tables:
    """Move the audio, and make tables of the first fold, with what the names of files tell."""
    move_audio(unpacked, make_folder(audio / "audio"))
    tables = {
        "train.csv": _table(find_file(unpacked, "evaluation_setup/fold1_train.csv")),
        "test.csv": _table(find_file(unpacked, "evaluation_setup/fold1_evaluate.csv")),
    }
    return check_audio(tables, "filename", audio)


def _table(path: Path) -> pd.DataFrame:
    import pandas as pd

    frame: pd.DataFrame = pd.read_csv(path, sep="\t", dtype=str)
    parts = [PurePosixPath(name).stem.split("-") for name in frame["filename"]]
    if any(len(part) != 5 for part in parts):
        raise CorruptFileError(f"{path}: names of files are not scene-city-location-segment-device")
    for place, column in enumerate(("city", "location", "segment", "device"), 1):
        frame[column] = [part[place] for part in parts]
    return frame


_MD5 = {
    "audio.1": "b1e85b8a908d3d6a6ab73268f385d5c8",
    "audio.2": "4310a13cc2943d6ce3f70eba7ba4c784",
    "audio.3": "ed38956c4246abb56190c1e9b602b7b8",
    "audio.4": "97ab8560056b6816808dedc044dcc023",
    "audio.5": "b50f5e0bfed33cd8e52cb3e7f815c6cb",
    "audio.6": "fbf856a3a86fff7520549c899dc94372",
    "audio.7": "0dbffe7b6e45564da649378723284062",
    "audio.8": "bb6f77832bf0bd9f786f965beb251b2e",
    "audio.9": "a65596a5372eab10c78e08a0de797c9e",
    "audio.10": "2ad595819ffa1d56d2de4c7ed43205a6",
    "audio.11": "0ad29f7040a4e6a22cfd639b3a6738e5",
    "audio.12": "e5f4400c6b9697295fab4cf507155a2f",
    "audio.13": "8855ab9f9896422746ab4c5d89d8da2f",
    "audio.14": "092ad744452cd3e7de78f988a3d13020",
    "audio.15": "4b5eb85f6592aebf846088d9df76b420",
    "audio.16": "2e0a89723e58a3836be019e6996ae460",
    "meta": "6eae9db553ce48e4ea246e34e50a3cf5",
}
"""MD5 of each archive, as soundata lists them."""

_NAME = "TAU-urban-acoustic-scenes-2020-mobile-development.{}.zip"
SOURCES = {
    _NAME.format(part): Source(
        f"https://zenodo.org/records/3819968/files/{_NAME.format(part)}",
        Expected(checksum=f"md5:{md5}"),
    )
    for part, md5 in _MD5.items()
}
