"""What can be wrong with the splits of a dataset, found before training and told all at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeGuard

from autrainer.data.messages import counted, first_few
from autrainer.data.targets import AbstractTargetTransform, UnusableTargetsError, numbers
from autrainer.datasets.checking.damage import damaged_files
from autrainer.datasets.checking.overlap import warn_of_repeated_files, warn_of_shared_files
from autrainer.datasets.checking.single_label import warn_of_single_label
from autrainer.datasets.tables.frames import Listing
from autrainer.datasets.wrapper import DatasetWrapper, as_list, missing_columns
from autrainer.errors import ConfigError, CorruptFileError, DataError

if TYPE_CHECKING:
    import pandas as pd

FEW_FILES = 32


class MissingFilesError(DataError, FileNotFoundError):
    """Files that a dataset lists are not on disk; nothing else is wrong with it."""


class Splits(Protocol):
    """What the checks see of a dataset."""

    label_kind: ClassVar[str]
    task: str
    index_column: str | None
    target_column: str | list[str]
    stratify: list[str]
    check_files: int

    @property
    def target_transform(self) -> AbstractTargetTransform:
        """Encodes the targets."""

    def _frame_of(self, subset: str) -> pd.DataFrame:
        """Rows of a split."""

    def _listing_of(self, subset: str) -> Listing:
        """Where they come from."""

    def _split_of(self, subset: str) -> Any:
        """Samples of a split."""

    def _feature_problems(self, subset: str) -> Iterator[str]:
        """What is wrong with features that stand in the rows of a split."""

    def _files_of(self, subset: str) -> DatasetWrapper | None:
        """The same without targets, where only files can be looked at; None where not even they."""


def check_strata(dataset: Splits) -> None:
    """Refuse columns to stratify by that a split lacks, and tasks that cannot be stratified.

    Raises:
        ConfigError: naming the columns.
    """
    if not dataset.stratify:
        return
    if dataset.task == "ml-classification":
        raise ConfigError(
            f"dataset.stratify is {dataset.stratify}: results of ml-classification are reported "
            "per label and cannot be stratified; remove it"
        )
    problems = [
        f"dataset.stratify: {dataset._listing_of(subset)}: {problem}"
        for subset in ("dev", "test")
        for problem in missing_columns(dataset._frame_of(subset), dataset.stratify)
    ]
    if problems:
        raise ConfigError("\n".join(problems))


def check_splits(dataset: Splits, subsets: Sequence[str]) -> None:
    """Look at the frames, the targets and the files of all splits.

    Args:
        dataset: The dataset.
        subsets: Names of the splits, that of the train split first.

    Raises:
        MissingFilesError: if files are missing, and nothing else is wrong.
        CorruptFileError: likewise if files are damaged.
        DataError: with everything that is wrong.
    """
    missing_csv: list[str] = []
    problems: dict[str, list[str]] = {}
    for subset in subsets:
        try:
            problems[subset] = list(dict.fromkeys(_frame_problems(dataset, subset)))
        except FileNotFoundError as error:
            missing_csv.append(f"{dataset._listing_of(subset)}: there is no such file ({error})")
        except CorruptFileError as error:
            problems[subset] = [_without_file(error, dataset._listing_of(subset))]
    missing: list[str] = []
    damaged: list[str] = []
    # Targets are encoded by what the train split has.
    can_encode = problems.get("train") == []
    for subset in problems:
        source = dataset._listing_of(subset)
        try:
            if problems[subset] or not can_encode:
                _look_at_files(dataset, dataset._files_of(subset), source, missing, damaged)
                if can_encode:
                    problems[subset] += _unknown_labels(dataset, subset)
                continue
            _look_at_files(dataset, dataset._split_of(subset), source, missing, damaged)
            problems[subset] += _encoding_problems(dataset._split_of(subset), source)
        except DataError as error:
            told = _without_file(error, source)
            if told not in problems[subset]:
                problems[subset].append(told)
    wrong = [
        f"{dataset._listing_of(subset)}: {problem}"
        for subset, found in problems.items()
        for problem in found
    ]
    _raise(type(dataset).__name__, wrong, missing_csv + missing, damaged)
    if dataset.label_kind == "labels":
        first = subsets[0]
        warn_of_single_label(
            dataset._frame_of(first), dataset.target_column, dataset._listing_of(first)
        )
    for subset in subsets:
        warn_of_repeated_files(dataset._split_of(subset), may_repeat=subset == subsets[0])
    for subset in subsets[1:]:
        warn_of_shared_files(dataset._split_of(subsets[0]), dataset._split_of(subset))


def _without_file(error: DataError, source: object) -> str:
    """What an error tells, without the name of the file, which stands before it anyway."""
    return str(error).removeprefix(f"{source}: ")


def check_libraries(dataset: Splits, subsets: Sequence[str]) -> None:
    """Look whether the libraries are there that the files of all splits need.

    Raises:
        MissingExtraError: naming a file and what to install.
    """
    for subset in subsets:
        split = dataset._split_of(subset)
        if _has_files(split):
            split.file_handler.check_libraries(split.paths)


def check_targets(dataset: Splits, subsets: Sequence[str]) -> None:
    """Encode the targets of all splits; for datasets that have no files.

    Raises:
        DataError: with every target that cannot be encoded.
    """
    wrong = [
        f"{dataset._listing_of(subset)}: {problem}"
        for subset in subsets
        for problem in _encoding_problems(dataset._split_of(subset), dataset._listing_of(subset))
    ]
    _raise(type(dataset).__name__, wrong)


def _raise(
    name: str, wrong: list[str], missing: Sequence[str] = (), damaged: Sequence[str] = ()
) -> None:
    problems = [*missing, *damaged, *wrong]
    if not problems:
        return
    kind: type[DataError] = DataError
    if not wrong and not damaged:
        kind = MissingFilesError
    elif not wrong and not missing:
        kind = CorruptFileError
    lines = "\n".join(f"- {problem}" for problem in problems)
    error = kind(f"the data of {name} cannot be used:\n{lines}")
    error.details = tuple(problems)
    raise error


def _frame_problems(dataset: Splits, subset: str) -> Iterator[str]:
    df, listing = dataset._frame_of(subset), dataset._listing_of(subset)
    targets = as_list(dataset.target_column)
    index = [] if dataset.index_column is None else [dataset.index_column]
    yield from missing_columns(df, [*index, *targets])
    if len(df) == 0:
        yield "there is no row; every split needs at least one sample"
        return
    yield from dataset._feature_problems(subset)
    for column in [*index, *targets]:
        if column in df.columns:
            is_numeric = column in targets and dataset.label_kind == "numbers"
            is_required = column not in targets or dataset.label_kind == "labels"
            if is_numeric:
                yield from _number_problems(df, column, listing)
            elif is_required:
                yield from _missing_values(df, column, listing)


def _missing_values(df: pd.DataFrame, column: str, listing: Listing) -> Iterator[str]:
    rows = df[column].isna().to_numpy().nonzero()[0].tolist()
    if rows:
        yield f"column {column!r} is empty in {counted(len(rows), 'row')}: {listing.places(rows)}"


def _number_problems(df: pd.DataFrame, column: str, listing: Listing) -> Iterator[str]:
    try:
        numbers(df[column].to_numpy(), column)
    except UnusableTargetsError as error:
        yield f"column {column!r}: {error.at(listing.places)}"


def _encoding_problems(split: Any, listing: Listing) -> list[str]:
    try:
        getattr(split, "targets", None)
    except DataError as error:
        column = getattr(split, "target_column", None)
        told = error.at(listing.places) if isinstance(error, UnusableTargetsError) else str(error)
        return [told if column is None else f"column {column!r}: {told}"]
    return []


def _unknown_labels(dataset: Splits, subset: str) -> list[str]:
    """What is wrong with the labels of the rows that have one, where others have none."""
    df, column = dataset._frame_of(subset), dataset.target_column
    if dataset.label_kind != "labels" or not isinstance(column, str) or column not in df.columns:
        return []
    positions = df[column].notna().to_numpy().nonzero()[0]
    places = dataset._listing_of(subset).places
    try:
        dataset.target_transform.encode_all(df[column].iloc[positions].tolist())
    except UnusableTargetsError as error:
        told = error.at(lambda found: places(positions[list(found)].tolist()))
        return [f"column {column!r}: {told}"]
    except DataError as error:
        return [f"column {column!r}: {error}"]
    return []


def _has_files(split: Any) -> TypeGuard[DatasetWrapper]:
    """Whether the samples of a split are files that its file handler loads."""
    return (
        isinstance(split, DatasetWrapper)
        and split.file_handler.reads_files
        and type(split).load_features is DatasetWrapper.load_features
    )


def _look_at_files(
    dataset: Splits, split: Any, source: Listing, missing: list[str], damaged: list[str]
) -> None:
    """Add what is wrong with the files of a split to what is missing and what is damaged."""
    if not _has_files(split):
        return
    absent = missing_files(split.paths)
    missing += [f"{source}: {text}" for text in _collisions(split)]
    if absent:
        missing.append(
            f"{source}: column {split.index_column!r} names {counted(len(absent), 'file')} of "
            f"{len(split.paths)} that are not there: {first_few(absent)}"
        )
    problems = damaged_files(split, dataset.check_files, set(absent))
    if problems:
        damaged.append(
            f"{source}: column {split.index_column!r} names {counted(len(problems), 'file')} of "
            f"{len(split.paths)} that cannot be read: {first_few(problems, '; ')}"
        )


def _collisions(split: DatasetWrapper) -> list[str]:
    """Different files that a common suffix makes one, `clip.01` and `clip.02` for instance."""
    names = split.names
    if split.file_type is None or len(set(names)) == len(set(split.paths)):
        return []
    owners: dict[str, str] = {}
    for name, path in zip(names, split.paths, strict=True):
        if owners.setdefault(path, name) != name:
            return [
                f"with file_type {split.file_type!r}, {owners[path]!r} and {name!r} of column "
                f"{split.index_column!r} are both {path!r}; add a suffix to the names"
            ]
    return []


def missing_files(paths: Sequence[str]) -> list[str]:
    """Those of some paths where there is no file, each once, in order.

    Folders are listed once instead of asking for every file: a listing of a million files takes a
    second where a million questions to a network disk take minutes.
    """
    by_folder: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        folder, separator, name = path.rpartition(os.sep)
        by_folder.setdefault(folder + separator, []).append(name)
    suspects = [
        folder + name
        for folder, names in by_folder.items()
        for name in (names if len(names) < FEW_FILES else _not_listed(folder, names))
    ]
    # Asked again: file systems may spell a name in another way than the CSV.
    missing = {path for path in suspects if not os.path.isfile(path)}
    return [path for path in dict.fromkeys(paths) if path in missing] if missing else []


def _not_listed(folder: str, names: list[str]) -> list[str]:
    try:
        with os.scandir(folder or ".") as entries:
            present = {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return names
    return [name for name in names if name not in present]
