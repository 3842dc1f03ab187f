"""FAU Aibo: children who speak to a robot, and how they feel."""

from __future__ import annotations

import csv
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.config.shorthand import Shorthand
from autrainer.datasets.base import check_choice
from autrainer.datasets.checking.damage import CHECK_FILES
from autrainer.datasets.families import BaseClassificationDataset
from autrainer.errors import CorruptFileError, DataError
from autrainer.transforms.compose import SmartCompose

if TYPE_CHECKING:
    import pandas as pd

TASKS = ("2cl", "5cl")
NUM_DEV_SPEAKERS = 2


class AIBO(BaseClassificationDataset):
    """FAU Aibo emotion corpus, as in the Interspeech 2009 emotion challenge.

    The corpus is given out on request only; see `download`. Train are the speakers of the school
    Ohm without the last two, which are dev; test is the school Mont.
    Reference: Schuller, Steidl and Batliner, "The INTERSPEECH 2009 Emotion Challenge", 2009.

    Args are those of `BaseClassificationDataset`, and these:

    Args:
        aibo_task: `2cl` (NEG, IDL) or `5cl` (A, E, N, P, R).

    Raises:
        ConfigError: for another task.
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
        aibo_task: str = "2cl",
        check_files: int = CHECK_FILES,
    ) -> None:
        check_choice("aibo_task", aibo_task, TASKS)
        self.aibo_task = aibo_task
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

    @property
    def audio_subdir(self) -> str:
        """Folder of the raw audio: `wav`, or `default` where that is there instead."""
        root = Path(self.path)
        return "default" if (root / "default").is_dir() and not (root / "wav").is_dir() else "wav"

    @cached_property
    def df_train(self) -> pd.DataFrame:
        """Chunks of the train speakers: id, class, conf, file, school, speaker."""
        return self._of_ohm(is_dev=False)

    @cached_property
    def df_dev(self) -> pd.DataFrame:
        """Chunks of the dev speakers, with the same columns."""
        return self._of_ohm(is_dev=True)

    @cached_property
    def df_test(self) -> pd.DataFrame:
        """Chunks of the other school, with the same columns."""
        return _rows(self._chunks, self._chunks["school"] == "Mont")

    @cached_property
    def _chunks(self) -> pd.DataFrame:
        return read_chunks(Path(self.path) / labels_file(self.aibo_task))

    def _of_ohm(self, *, is_dev: bool) -> pd.DataFrame:
        ohm = self._chunks[self._chunks["school"] == "Ohm"]
        speakers = sorted(ohm["speaker"].unique())[-NUM_DEV_SPEAKERS:]
        return _rows(ohm, ohm["speaker"].isin(speakers) == is_dev)

    @staticmethod
    def download(path: str) -> None:
        """Look whether what cannot be downloaded is there.

        Raises:
            DataError: if there is no file of labels.
        """
        names = [labels_file(task) for task in TASKS]
        if not any((Path(path) / name).is_file() for name in names):
            raise DataError(
                f"{path} has neither {' nor '.join(names)}: FAU Aibo is given out on request only. "
                "Put a file of labels there, and the folder wav of the corpus beside it"
            )


def _rows(frame: pd.DataFrame, is_wanted: Any) -> pd.DataFrame:
    rows: pd.DataFrame = frame[is_wanted].reset_index(drop=True)
    return rows


def labels_file(task: str) -> str:
    """Name of the file of labels of a task."""
    return f"chunk_labels_{task}_corpus.txt"


def read_chunks(path: Path) -> pd.DataFrame:
    """Labels of chunks: `id`, `class`, `conf`, and what the id tells: `file`, `school`, `speaker`.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: naming the line that is no label.
    """
    import pandas as pd

    rows = []
    with open(path, newline="", encoding="utf-8") as file:
        for number, cells in enumerate(csv.reader(file, delimiter=" ", skipinitialspace=True), 1):
            cells = [cell for cell in cells if cell]
            if not cells:
                continue
            if len(cells) != 3 or len(cells[0].split("_")) < 2:
                raise CorruptFileError(
                    f"{path}, line {number}: expected id, class and confidence, found {cells}"
                )
            school, speaker = cells[0].split("_")[:2]
            rows.append((*cells, f"{cells[0]}.wav", school, speaker))
    columns = ["id", "class", "conf", "file", "school", "speaker"]
    frame: pd.DataFrame = pd.DataFrame(rows, columns=columns)
    frame["conf"] = pd.to_numeric(frame["conf"])
    return frame
