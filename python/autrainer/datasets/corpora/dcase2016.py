"""DCASE 2016, task 1: acoustic scenes of TUT."""

from __future__ import annotations

import csv
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from autrainer.config.shorthand import Shorthand
from autrainer.datasets.base import check_choice
from autrainer.datasets.checking.damage import CHECK_FILES
from autrainer.datasets.corpora.obtaining import (
    Source,
    Tables,
    check_audio,
    find_file,
    move_audio,
    obtain,
)
from autrainer.datasets.families import BaseClassificationDataset
from autrainer.datasets.tables.frames import Listing
from autrainer.runs.web.integrity import Expected
from autrainer.transforms.compose import SmartCompose

if TYPE_CHECKING:
    import pandas as pd

FOLDS = (1, 2, 3, 4)


class DCASE2016Task1(BaseClassificationDataset):
    """TUT Acoustic Scenes 2016: 30 s in 15 scenes, in four folds.

    Reference: Mesaros, Heittola and Virtanen, "TUT Database for Acoustic Scene Classification and
    Sound Event Detection", EUSIPCO 2016.

    Args are those of `BaseClassificationDataset`, and these:

    Args:
        fold: 1 to 4: which part of the development set is dev; the rest of it is train.

    Raises:
        ConfigError: for another fold.
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
        fold: int = 1,
        check_files: int = CHECK_FILES,
    ) -> None:
        check_choice("fold", fold, FOLDS)
        self.fold = fold
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

    @cached_property
    def df_train(self) -> pd.DataFrame:
        """Rows of `fold<n>_train.csv`."""
        return self._read_csv(self._file_of("train"))

    @cached_property
    def df_dev(self) -> pd.DataFrame:
        """Rows of `fold<n>_evaluate.csv`."""
        return self._read_csv(self._file_of("dev"))

    def _listing_of(self, subset: str) -> Listing:
        return Listing(str(Path(self.path) / f"{self._file_of(subset)}.csv"), is_file=True)

    def _file_of(self, subset: str) -> str:
        names = {"train": f"fold{self.fold}_train", "dev": f"fold{self.fold}_evaluate"}
        return names.get(subset, subset)

    @staticmethod
    def download(path: str, mirror: str | None = None) -> None:
        """Fetch the data set, 11 GB, and its evaluation set; see `obtain` for errors.

        Args:
            path: Folder of the data set.
            mirror: Address of a folder that holds the same files.
        """
        obtain(path, SOURCES, build, mirror=mirror)


def build(unpacked: Path, audio: Path) -> Tables:
    """Move the audio, and make tables of the folds and of the evaluation set."""
    evaluation = find_file(unpacked, "evaluation_setup/evaluate.txt")
    published = {
        PurePosixPath(row[0]).name: PurePosixPath(row[2]).name
        for row in _rows(evaluation)
        if len(row) > 2 and row[2].endswith(".wav")
    }
    for archive in sorted(unpacked.iterdir()):
        is_evaluation = "evaluation" in archive.name
        move_audio(archive, audio, published if is_evaluation else None)
    errors = {PurePosixPath(row[0]).name for row in _rows(find_file(unpacked, "error*.txt"))}
    tables = {"test.csv": _table(evaluation, set(), published)}
    for fold in FOLDS:
        for part in ("train", "evaluate"):
            name = f"fold{fold}_{part}"
            listing = find_file(unpacked, f"evaluation_setup/{name}.txt")
            tables[f"{name}.csv"] = _table(listing, errors, {})
    return check_audio(tables, "filename", audio)


def _rows(path: Path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return [row for row in csv.reader(file, delimiter="\t") if row]


def _table(path: Path, without: set[str], renamed: dict[str, str]) -> pd.DataFrame:
    import pandas as pd

    names = [(PurePosixPath(row[0]).name, row[1]) for row in _rows(path)]
    rows = [(renamed.get(name, name), scene) for name, scene in names if name not in without]
    table: pd.DataFrame = pd.DataFrame(rows, columns=["filename", "scene_label"])
    return table


_SIZES = {
    "development.meta": (28815, "779b33da2ebbf8bde494b3c981827251"),
    "development.error": (1283, "a0d3e0d81b0a36ece87d0f3a9124a386"),
    "development.audio.1": (1070981236, "e39546e65f2e72517b6335aaf0c8323d"),
    "development.audio.2": (1067186166, "d36cf3253e2c041f68e937a3fe804807"),
    "development.audio.3": (1073644405, "0393a9620ab882b1c26d884eccdcffdd"),
    "development.audio.4": (1072111347, "fb3e4e0cd7ea82120ec07031dee558ce"),
    "development.audio.5": (1069681513, "a19cf600b33c8f88f6ad607bafd74057"),
    "development.audio.6": (1072890150, "591aad3219d1155342572cc1f6af5680"),
    "development.audio.7": (1069265197, "9e6c1897789e6bce13ac69c6caedb7ab"),
    "development.audio.8": (528461098, "c4718354f48fcc9dfc7305f6cd8325c8"),
    "evaluation.meta": (5962, "0d5c131fc3f50c682de62e0e648aceba"),
    "evaluation.audio.1": (1067685684, "7c6c2e54b8a9c4c37a803b81446d16fe"),
    "evaluation.audio.2": (1068308900, "7930f1dc26707ab3ba9526073af87333"),
    "evaluation.audio.3": (538894804, "17187d633d6402aee4b481122a1b28f0"),
}
"""Size and MD5 of each archive, as dcase_util lists them."""

_RECORDS = {"development": 45739, "evaluation": 165995}


def _source(part: str, size: int, md5: str) -> Source:
    record = _RECORDS[part.partition(".")[0]]
    name = f"TUT-acoustic-scenes-2016-{part}.zip"
    url = f"https://zenodo.org/records/{record}/files/{name}"
    return Source(url, Expected(size, f"md5:{md5}"))


SOURCES = {
    f"TUT-acoustic-scenes-2016-{part}.zip": _source(part, *known) for part, known in _SIZES.items()
}
