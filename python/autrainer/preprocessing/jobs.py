"""Which features are made of which recordings, by what: read off a configuration."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.data.file_names import with_suffix
from autrainer.errors import ConfigError, CorruptFileError
from autrainer.features.version import FEATURES_VERSION
from autrainer.runs.writing.opening import no_table, reading

SPLITS = ("train", "dev", "test")
AUDIO = "default"
"""Folder of the recordings of a dataset that does not say otherwise."""

_FAMILIES = (
    *("BaseClassificationDataset", "BaseMLClassificationDataset"),
    *("BaseRegressionDataset", "BaseMTRegressionDataset"),
)
PLAIN = {
    *(f"autrainer.datasets{module}.{name}" for module in ("", ".families") for name in _FAMILIES),
    *("autrainer.datasets.EDANSA2019", "autrainer.datasets.MandarinTones"),
    "autrainer.datasets.SpeechCommands",
}
"""Datasets whose recordings lie in `default` and are listed in three CSV files, by import path."""

NOT_OF_FEATURES = frozenset(
    {"transform", "criterion", *(f"{split}_loader_kwargs" for split in SPLITS)}
)
"""What a dataset may say that decides over none of its files."""

NOT_OF_RECORDINGS = NOT_OF_FEATURES | {
    *("id", "_target_", "file_handler", "file_type", "features_subdir", "features_path")
}


@dataclass(frozen=True)
class Job:
    """The features of a dataset.

    Args:
        dataset: Id of the dataset.
        preprocessing: Name of the preprocessing.
        config: Its content: `file_handler` and `pipeline`.
        folder: Where the features go.
        files: Path of the recording by path of its features; these are relative to the folder
            unless the dataset names its recordings by absolute paths.
        handler: Writes the features, in shorthand syntax.
    """

    dataset: str
    preprocessing: str
    config: Mapping[str, Any]
    folder: Path
    files: Mapping[str, str]
    handler: Any

    @property
    def question(self) -> dict[str, Any]:
        """What decides over the features, of plain values."""
        return {
            "version": FEATURES_VERSION,
            "preprocessing": dict(self.config),
            "written_by": self.handler,
        }


def job_of(name: str, dataset: Mapping[str, Any], preprocess: Mapping[str, Any]) -> Job:
    """What has to be made for a dataset.

    Args:
        name: Id of the dataset.
        dataset: Its configuration.
        preprocess: Content of the preprocessing that its `features_subdir` names.

    Raises:
        ConfigError: if the dataset or the preprocessing lacks something, or features would be
            written over a recording, or over those of another one.
        FileNotFoundError: if a CSV file is not there.
        CorruptFileError: if one is no table, or lacks the index column.
    """
    missing = [key for key in ("file_handler", "pipeline") if key not in preprocess]
    if missing:
        raise ConfigError(
            f"preprocessing/{dataset['features_subdir']} lacks {' and '.join(missing)}"
        )
    for key in ("path", "file_handler", "file_type"):
        if dataset.get(key) is None:
            raise ConfigError(f"dataset {name} has no {key}, so no features can be written for it")
    root = Path(str(dataset.get("features_path") or dataset["path"]))
    is_plain = dataset.get("_target_") in PLAIN
    rows = _listed(name, dataset) if is_plain else _asked(dataset, preprocess)
    names, recordings = rows
    folder = root / str(dataset["features_subdir"])
    files = _features_of(name, names, recordings, folder, str(dataset["file_type"]))
    return Job(
        name, str(dataset["features_subdir"]), preprocess, folder, files, dataset["file_handler"]
    )


def _features_of(
    dataset: str, names: list[str], recordings: str, folder: Path, suffix: str
) -> dict[str, str]:
    """Path of the recording by path of its features.

    Raises:
        ConfigError: if features would be written over a recording, or over those of another one.
    """
    files: dict[str, str] = {}
    taken: dict[str, str] = {}
    # Paths are compared as they are on disk, as far as the two folders go.
    real_folder, real_recordings = os.path.realpath(folder), os.path.realpath(recordings)
    sounds = {os.path.normpath(os.path.join(real_recordings, name)) for name in names}
    for name in names:
        path = with_suffix(name, suffix)
        target = os.path.normpath(os.path.join(real_folder, path))
        if target in sounds:
            raise ConfigError(
                f"dataset {dataset}: features of {name} would be written over the recording "
                f"{target}; use another features_subdir, features_path or file_type"
            )
        other = taken.setdefault(target, name)
        if os.path.normpath(other) != os.path.normpath(name):
            raise ConfigError(
                f"dataset {dataset}: {other} and {name} are different recordings, and features of "
                f"both would be {path}; rename one of them"
            )
        files[path] = os.path.join(recordings, name)
    return files


def _listed(name: str, dataset: Mapping[str, Any]) -> tuple[list[str], str]:
    """Names of all recordings, and their folder, without building the dataset."""
    column = dataset.get("index_column")
    if not isinstance(column, str):
        raise ConfigError(f"dataset {name} has no index_column, the column with names of files")
    path = str(dataset["path"])
    names = [n for split in SPLITS for n in _column(Path(path, f"{split}.csv"), column)]
    return list(dict.fromkeys(names)), os.path.join(path, AUDIO)


def _column(path: Path, column: str) -> Iterator[str]:
    with reading(path) as file:
        text = file.read()
    try:
        lines = text.decode("utf-8-sig").splitlines(keepends=True)
        rows = csv.DictReader(lines, strict=True)
        if column not in (rows.fieldnames or ()):
            raise CorruptFileError(f"{path} has no column {column!r}, there are {rows.fieldnames}")
        for row in rows:
            if not row[column]:
                raise CorruptFileError(f"{path}, line {rows.line_num}: {column} is empty")
            yield row[column]
    except (csv.Error, UnicodeDecodeError) as error:
        raise no_table(path, error) from error


def _asked(dataset: Mapping[str, Any], preprocess: Mapping[str, Any]) -> tuple[list[str], str]:
    """Names of all recordings, and their folder, of a dataset that lists them in its own way."""
    from autrainer.config.instantiate import instantiate
    from autrainer.datasets.base import AbstractDataset

    arguments = {key: value for key, value in dataset.items() if key not in NOT_OF_RECORDINGS}
    data: AbstractDataset = instantiate(
        {
            **arguments,
            "_target_": dataset["_target_"],
            "features_subdir": None,
            "file_type": None,
            "file_handler": preprocess["file_handler"],
            "seed": 0,
        },
        instance_of=AbstractDataset,
    )
    names = [
        str(name)
        for frame in (data.df_train, data.df_dev, data.df_test)
        for name in frame[data.index_column].tolist()
    ]
    return list(dict.fromkeys(names)), os.path.join(data.path, data.features_subdir or "")
