"""Files that are in the train split and in another one."""

import logging

import pandas as pd
import pytest

from autrainer.datasets import BaseClassificationDataset, DatasetWrapper


def copy_rows(folder, count, subset):
    """Put the first rows of the train split in front of another one."""
    train, other = (pd.read_csv(folder / f"{name}.csv") for name in ("train", subset))
    pd.concat([train.head(count), other]).to_csv(folder / f"{subset}.csv", index=False)


@pytest.mark.parametrize("subset", ["dev", "test"])
def test_files_of_two_splits_are_counted_and_named_once(build, folder, subset, caplog):
    copy_rows(folder, 7, subset)
    dataset = build()

    dataset.create_train_loader(4)
    dataset.create_dev_loader(4)

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(
        f"{folder}/{subset}.csv: 7 of its 13 files are in train.csv too: "
        "0.wav, 1.wav, 2.wav, 3.wav, 4.wav, ...;"
    )


def test_the_same_file_under_two_names_is_one_file(build, folder, caplog):
    frame = pd.read_csv(folder / "dev.csv")
    frame.loc[0, "file"] = f"{folder}/features/3.flac"
    frame.to_csv(folder / "dev.csv", index=False)

    build().create_dev_loader(4)

    assert f"1 of its 6 files are in train.csv too: {folder}/features/3.flac" in caplog.text


def test_splits_of_different_files_are_not_mentioned(build, caplog):
    build().create_train_loader(4)

    assert not caplog.records


def repeat(folder, subset, **changes):
    """Write the first row of a split once more, with changes."""
    frame = pd.read_csv(folder / f"{subset}.csv")
    pd.concat([frame, frame.head(1).assign(**changes)]).to_csv(
        folder / f"{subset}.csv", index=False
    )


def test_a_file_in_several_rows_of_a_set_that_is_scored_is_named(build, folder, caplog):
    repeat(folder, "dev")
    build().create_dev_loader(4)
    (record,) = caplog.records
    told = "1 file is in several rows: 12.wav; they count several times in all scores"
    assert record.getMessage() == f"{folder}/dev.csv: {told}"


@pytest.mark.parametrize("subset", ["train", "test"])
def test_rows_that_say_different_things_of_a_file_are_told(build, folder, subset, caplog):
    repeat(folder, subset, label="bee")
    build().create_train_loader(4)
    (record,) = caplog.records
    assert "rows say different things of 1 file: " in record.getMessage()


def test_a_train_set_may_repeat_a_row(build, folder, caplog):
    repeat(folder, "train")
    build().create_train_loader(4)
    assert not caplog.records


class Parts(DatasetWrapper):
    """Two samples of every file."""

    def load_features(self, index):
        return super().load_features(index)[:2]


class PartsOfFiles(BaseClassificationDataset):
    def _init_dataset(self, df, transform):
        whole = super()._init_dataset(df, transform)
        names = ("path", "features_subdir", "index_column", "target_column", "file_handler")
        arguments = {name: getattr(whole, name) for name in names}
        return Parts(**arguments, df=df, file_type="npy", transform=transform)


def test_parts_of_files_may_lie_in_different_splits(build, folder, caplog):
    copy_rows(folder, 3, "dev")

    build(kind=PartsOfFiles).create_dev_loader(4)

    assert not caplog.records
