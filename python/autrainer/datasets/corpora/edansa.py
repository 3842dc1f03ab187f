"""EDANSA: sounds of the Arctic coast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autrainer.datasets.corpora.obtaining import Source, Tables, check_audio, find_file, obtain
from autrainer.datasets.families import BaseMLClassificationDataset
from autrainer.errors import ConfigError, CorruptFileError
from autrainer.runs.writing.files import rename

if TYPE_CHECKING:
    import pandas as pd

FIRST_LABEL = 10
"""Position of the first column that is a label; those before describe a clip."""

SPLITS = {"train": "train", "valid": "dev", "test": "test"}


class EDANSA2019(BaseMLClassificationDataset):
    """Ecoacoustic Dataset from Arctic North Slope Alaska: 10 s with any of 28 labels.

    Reference: Coban, Perra, Pir and Mandel, "EDANSA-2019: The Ecoacoustic Dataset from Arctic North
    Slope Alaska", DCASE 2022.

    Args are those of `BaseMLClassificationDataset`; the target columns are labels of the data set.

    Raises:
        ConfigError: for a column that is no label.
    """

    def _look_at_splits(self) -> None:
        labels = list(self.df_train.columns[FIRST_LABEL:])
        others = [column for column in self.target_column if column not in labels]
        if others:
            raise ConfigError(
                f"dataset.target_column: {', '.join(map(repr, others))} are no labels of "
                f"EDANSA-2019; there are {', '.join(map(repr, labels))}"
            )
        super()._look_at_splits()

    @staticmethod
    def download(path: str, mirror: str | None = None) -> None:
        """Fetch the data set, 3 GB; see `obtain` for errors.

        Args:
            path: Folder of the data set.
            mirror: Address of a folder that holds the same files.
        """
        obtain(path, SOURCES, build, mirror=mirror)


SOURCES = {
    "EDANSA-2019.zip": Source("https://zenodo.org/records/6824272/files/EDANSA-2019.zip"),
}


def build(unpacked: Path, audio: Path) -> Tables:
    """Move the folder of clips, and split the labels."""
    import pandas as pd

    labels = find_file(unpacked, "labels.csv")
    frame = pd.read_csv(labels)
    for name in frame.columns[FIRST_LABEL:]:
        frame[name] = frame[name].astype(float)
    _move(_folder_of_clips(labels.parent), audio)
    tables = {f"{name}.csv": _part(frame, split) for split, name in SPLITS.items()}
    return check_audio(tables, "Clip Path", audio)


def _folder_of_clips(folder: Path) -> Path:
    found = [path for path in sorted(folder.rglob("data")) if path.is_dir()]
    if not found:
        raise CorruptFileError("there is no folder data in what was downloaded")
    return min(found, key=lambda path: len(path.parts))


def _move(source: Path, target: Path) -> None:
    for entry in sorted(source.iterdir()):
        rename(entry, target / entry.name)


def _part(frame: pd.DataFrame, split: str) -> pd.DataFrame:
    part: pd.DataFrame = frame[frame["set"] == split].reset_index(drop=True)
    if part.empty:
        raise CorruptFileError(f"labels.csv has no rows of the set {split!r}")
    return part
