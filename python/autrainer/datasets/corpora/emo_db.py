"""EmoDB: emotions that actors spoke in Berlin."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from autrainer.config.shorthand import Shorthand
from autrainer.datasets.checking.damage import CHECK_FILES
from autrainer.datasets.corpora.obtaining import Source, Tables, move_audio, obtain
from autrainer.datasets.families import BaseClassificationDataset
from autrainer.errors import ConfigError, CorruptFileError
from autrainer.transforms.compose import SmartCompose

if TYPE_CHECKING:
    import pandas as pd

SPEAKERS = {"train": [3, 8, 9, 10, 11, 12], "dev": [13, 14], "test": [15, 16]}
EMOTIONS = {
    **{"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness"},
    **{"T": "sadness", "N": "neutral"},
}
"""What the sixth character of the name of a file means: initials of the German words."""


class EmoDB(BaseClassificationDataset):
    """Berlin Database of Emotional Speech: 535 sentences of ten actors in seven emotions.

    Reference: Burkhardt et al., "A Database of German Emotional Speech", Interspeech 2005.

    Args are those of `BaseClassificationDataset`, and these:

    Args:
        train_speakers: Speakers of train, of 3 and 8 to 16; None for 3, 8, 9, 10, 11, 12.
        dev_speakers: Speakers of dev; None for 13 and 14.
        test_speakers: Speakers of test; None for 15 and 16.

    Raises:
        ConfigError: if a speaker is in two splits, or there is none of this number.
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
        train_speakers: list[int] | None = None,
        dev_speakers: list[int] | None = None,
        test_speakers: list[int] | None = None,
        check_files: int = CHECK_FILES,
    ) -> None:
        self.train_speakers = list(train_speakers or SPEAKERS["train"])
        self.dev_speakers = list(dev_speakers or SPEAKERS["dev"])
        self.test_speakers = list(test_speakers or SPEAKERS["test"])
        _refuse_shared(self.train_speakers, self.dev_speakers, self.test_speakers)
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
        """Rows of metadata.csv of the train speakers."""
        return self._of("train_speakers", self.train_speakers)

    @cached_property
    def df_dev(self) -> pd.DataFrame:
        """Rows of metadata.csv of the dev speakers."""
        return self._of("dev_speakers", self.dev_speakers)

    @cached_property
    def df_test(self) -> pd.DataFrame:
        """Rows of metadata.csv of the test speakers."""
        return self._of("test_speakers", self.test_speakers)

    def _of(self, key: str, speakers: Sequence[int]) -> pd.DataFrame:
        frame = self._read_csv("metadata")
        found = frame["speaker"].astype(int)
        missing = sorted({*speakers} - {*found.tolist()})
        if missing:
            there = ", ".join(map(str, sorted({*found.tolist()})))
            raise ConfigError(
                f"dataset.{key}: there is no speaker {', '.join(map(str, missing))}; there are "
                f"{there}"
            )
        rows: pd.DataFrame = frame[found.isin(speakers)].reset_index(drop=True)
        return rows

    @staticmethod
    def download(path: str, mirror: str | None = None) -> None:
        """Fetch the data set, 40 MB; see `obtain` for errors.

        It is published without encryption and without a checksum: what the first download shows of
        it is kept in `downloads.json`, and every later one has to equal it.

        Args:
            path: Folder of the data set.
            mirror: Address of a folder that holds the same files.
        """
        obtain(path, SOURCES, build, mirror=mirror)


SOURCES = {"emodb.zip": Source("http://emodb.bilderbar.info/download/download.zip")}


def build(unpacked: Path, audio: Path) -> Tables:
    """Move the audio, and read speaker, text, emotion and version off the names of the files."""
    import pandas as pd

    move_audio(unpacked, audio)
    rows = [_row(path.name) for path in sorted(audio.iterdir())]
    if not rows:
        raise CorruptFileError("there are no WAV files in what was downloaded")
    columns = ["filename", "emotion", "speaker", "text", "version"]
    return {"metadata.csv": pd.DataFrame(rows, columns=columns)}


def _row(name: str) -> tuple[str, str, int, str, str]:
    stem = name[:-4]
    if len(stem) != 7 or not stem[:2].isdigit() or stem[5] not in EMOTIONS:
        raise CorruptFileError(f"{name} is not called as files of EmoDB are, such as 03a01Fa.wav")
    return name, EMOTIONS[stem[5]], int(stem[:2]), stem[2:5], stem[6]


def _refuse_shared(*splits: Sequence[int]) -> None:
    everyone = [speaker for split in splits for speaker in set(split)]
    shared = sorted({speaker for speaker in everyone if everyone.count(speaker) > 1})
    if shared:
        raise ConfigError(
            f"dataset: speaker {', '.join(map(str, shared))} is in more than one of "
            "train_speakers, dev_speakers and test_speakers"
        )
