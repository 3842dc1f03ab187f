"""Files that are damaged are found at the beginning, in every split."""

import logging

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from autrainer.data.file_handlers import NumpyFileHandler
from autrainer.datasets import BaseClassificationDataset
from autrainer.errors import ConfigError, CorruptFileError, DataError

HANDLERS = {"npy": "NumpyFileHandler", "wav": "AudioFileHandler"}
PIXELS = np.random.default_rng(0).integers(0, 255, (24, 20, 3), dtype=np.uint8)


def cut(path, keeps):
    path.write_bytes(path.read_bytes()[:keeps])


def write(path):
    if path.suffix == ".npy":
        np.save(path, np.arange(100.0))
    elif path.suffix == ".wav":
        soundfile.write(path, np.zeros(200), 8000)
    else:
        Image.fromarray(PIXELS).save(path)


@pytest.fixture
def make(tmp_path):
    """A dataset of two files a split, of some kind; returns it and the path of a test file."""

    def made(suffix, damage=lambda path: None, **options):
        (tmp_path / "files").mkdir()
        for number, subset in enumerate(["train", "train", "dev", "test"]):
            write(tmp_path / "files" / f"{number}.{suffix}")
            with (tmp_path / f"{subset}.csv").open("a") as csv:
                csv.write("" if csv.tell() else "file,label\n")
                csv.write(f"{number}.{suffix},{'ab'[number % 2] if subset == 'train' else 'a'}\n")
        path = tmp_path / "files" / f"3.{suffix}"
        damage(path)
        handler = HANDLERS.get(suffix, "ImageFileHandler")
        arguments = {
            **{"path": str(tmp_path), "features_subdir": "files", "seed": 1},
            **{"metrics": ["autrainer.metrics.UAR"], "tracking_metric": "autrainer.metrics.UAR"},
            **{"index_column": "file", "target_column": "label", "file_type": suffix},
            "file_handler": f"autrainer.datasets.utils.{handler}",
        }
        return BaseClassificationDataset(**{**arguments, **options}), path

    return made


@pytest.mark.parametrize(
    ("suffix", "keeps"),
    [
        *(("npy", 0), ("npy", 5), ("npy", 130), ("npy", -1)),
        *(("wav", 0), ("wav", 20), ("wav", -2)),
        *(("png", 0), ("png", 40), ("png", -40), ("jpg", 0), ("jpg", -1), ("bmp", 0)),
    ],
)
def test_a_file_of_the_test_split_that_is_cut_off_is_found_before_training(make, suffix, keeps):
    dataset, path = make(suffix, lambda path: cut(path, keeps))

    with pytest.raises(CorruptFileError) as error:
        dataset.create_train_loader(1)

    message = str(error.value)
    assert "test.csv: column 'file' names 1 file of 1 that cannot be read:" in message
    assert f"{path}: expected" in message


@pytest.mark.parametrize("suffix", ["npy", "wav", "png", "jpg", "bmp"])
def test_whole_files_are_fine_and_so_is_what_comes_behind_them(make, suffix):
    dataset, _ = make(suffix, lambda path: path.write_bytes(path.read_bytes() + b"more" * 40))

    assert len(dataset.test_dataset) == 1
    assert dataset.test_dataset[0].features.numel() > 0


def test_damage_is_told_beside_all_else_that_is_wrong(make, tmp_path):
    dataset, _ = make("npy", lambda path: cut(path, 130))
    (tmp_path / "files" / "2.npy").unlink()
    frame = pd.read_csv(tmp_path / "train.csv")
    frame.loc[0, "label"] = None
    frame.to_csv(tmp_path / "train.csv", index=False)

    with pytest.raises(DataError) as error:
        dataset.create_train_loader(1)

    message = str(error.value)
    assert not isinstance(error.value, (CorruptFileError, FileNotFoundError))
    assert "dev.csv: column 'file' names 1 file of 1 that are not there" in message
    assert "test.csv: column 'file' names 1 file of 1 that cannot be read" in message
    assert "train.csv: column 'label' is empty" in message


def test_a_split_of_more_files_than_the_limit_is_not_looked_into(make, caplog):
    caplog.set_level(logging.INFO)
    dataset, _ = make("npy", lambda path: cut(path, 130), check_files=1)

    with pytest.raises(CorruptFileError):
        dataset.create_train_loader(1)

    (message,) = caplog.messages
    assert message.startswith("2 files of ")
    assert message.endswith("train.csv are not looked into (dataset.check_files is 1)")


def test_no_header_is_read_if_that_is_switched_off(make, caplog):
    caplog.set_level(logging.INFO)
    dataset, _ = make("npy", lambda path: cut(path, 130), check_files=0)

    assert len(dataset.test_dataset) == 1
    assert caplog.messages == []


@pytest.mark.parametrize("limit", [-1, True, "all", 1.5])
def test_a_limit_that_is_none_is_refused(make, limit):
    with pytest.raises(ConfigError, match=r"check_files is .*; use a number of files"):
        make("npy", check_files=limit)


class Tolerant(NumpyFileHandler):
    """Reads what is there."""

    def load(self, file):
        return np.frombuffer(open(file, "rb").read()[128:136], dtype=np.float64)


def test_files_of_a_handler_of_ones_own_are_its_business(make):
    dataset, _ = make(
        "npy", lambda path: cut(path, 140), file_handler=f"{Tolerant.__module__}.Tolerant"
    )

    assert len(dataset.test_dataset) == 1
