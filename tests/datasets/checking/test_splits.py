import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autrainer.data.file_names import with_suffix
from autrainer.datasets.checking.splits import FEW_FILES, MissingFilesError, missing_files
from autrainer.errors import ConfigError, CorruptFileError, DataError


def change(folder, subset, function):
    frame = pd.read_csv(folder / f"{subset}.csv")
    changed = function(frame)
    (frame if changed is None else changed).to_csv(folder / f"{subset}.csv", index=False)


def put(column, rows, value):
    def function(frame):
        frame[column] = frame[column].astype(object)
        frame.loc[rows, column] = value

    return function


def test_everything_that_is_wrong_comes_in_one_message(build, folder):
    change(folder, "train", lambda frame: frame.iloc[[*range(12), 0]])
    change(folder, "dev", put("label", [1, 3, 4], "dog"))
    change(folder, "test", put("label", [0, 5], None))
    change(folder, "test", put("label", [2], "cow"))
    (folder / "features" / "3.npy").unlink()
    (folder / "features" / "13.npy").unlink()

    with pytest.raises(DataError) as error:
        build().create_train_loader(4)

    message = str(error.value)
    assert "the data of BaseClassificationDataset cannot be used:" in message
    assert f"- {folder}/dev.csv: column 'label': 3 samples with unknown labels: 'dog' (lines " in (
        message
    )
    assert f"- {folder}/test.csv: column 'label' is empty in 2 rows: lines 2, 7" in message
    assert (
        f"- {folder}/test.csv: column 'label': 1 sample with unknown labels: 'cow' (line 4); the "
        "train labels are 'ant', 'bee', 'cat'"
    ) in message
    assert f"- {folder}/train.csv: column 'file' names 1 file of 13 that are not there" in message
    assert f"{folder}/features/13.npy" in message
    assert not isinstance(error.value, FileNotFoundError)


def test_missing_files_are_told_beside_targets_that_cannot_be_used(build, folder):
    change(folder, "train", put("label", [1], None))
    change(folder, "test", lambda frame: frame.rename(columns={"label": "labels"}))
    for number in (2, 14, 19):
        (folder / "features" / f"{number}.npy").unlink()

    with pytest.raises(DataError) as error:
        build().create_train_loader(4)

    message = str(error.value)
    assert message.count("names 1 file of") == 3
    assert "train.csv: column 'label' is empty in 1 row: line 3" in message
    assert "test.csv: there is no column 'label'" in message


@pytest.mark.parametrize("use", ["target_transform", "output_dim", "train_dataset", "dev_dataset"])
def test_the_first_use_of_the_data_finds_the_problems(build, folder, use):
    change(folder, "test", put("label", [2], "dog"))
    dataset = build()

    for _ in range(2):
        with pytest.raises(DataError, match=r"test\.csv: column 'label': 1 sample .* 'dog'"):
            getattr(dataset, use)


def test_files_that_are_missing_are_a_file_not_found_error(build, folder):
    for number in range(8):
        (folder / "features" / f"{number}.npy").unlink()

    with pytest.raises(FileNotFoundError, match="names 8 files of 12 that are not there") as error:
        build().create_dev_loader(1)

    assert isinstance(error.value, MissingFilesError)
    assert "4.npy, ..." in str(error.value)


def test_missing_csv_files_are_all_named(build, folder):
    (folder / "dev.csv").unlink()
    (folder / "test.csv").unlink()

    with pytest.raises(FileNotFoundError, match=r"(?s)dev\.csv: there is no.*test\.csv"):
        build().create_dev_loader(1)


@pytest.mark.parametrize("column", ["label", "file"])
def test_a_missing_column_is_named_with_the_nearest_one(build, folder, column):
    change(folder, "dev", lambda frame: frame.rename(columns={column: f"{column}s"}))

    with pytest.raises(DataError, match=rf"dev\.csv: there is no column '{column}'; did you mean"):
        build().create_dev_loader(1)


def test_an_empty_split_is_refused(build, folder):
    change(folder, "test", lambda frame: frame.head(0))

    with pytest.raises(DataError, match=r"test\.csv: there is no row"):
        build().create_dev_loader(1)


@pytest.mark.parametrize("content", [b"", b'a,"b\n1,2\n3', b"\xff\xfe\x00\x01"])
def test_a_csv_that_is_none_is_named(build, folder, content):
    (folder / "dev.csv").write_bytes(content)

    with pytest.raises(DataError, match=r"dev\.csv"):
        build().create_dev_loader(1)


@pytest.mark.parametrize("task", ["regression", "mt-regression"])
@pytest.mark.parametrize("subset", ["train", "dev"])
@pytest.mark.parametrize("value", ["old", None, "inf", "1e39", "-1e300"])
def test_targets_that_are_no_numbers_are_named_with_their_rows(build, folder, task, subset, value):
    change(folder, subset, put("age", [1, 4], value))

    with pytest.raises(DataError, match=rf"{subset}\.csv: column 'age': 2 values .*\(lines 3, 6\)"):
        build(task).create_dev_loader(1)


@pytest.mark.parametrize("task", ["regression", "mt-regression"])
def test_targets_that_are_too_large_are_told_as_they_are_and_as_they_are_scaled(
    build, folder, task
):
    change(folder, "train", lambda frame: frame.assign(age=np.arange(len(frame)) * 1e-4))
    change(folder, "dev", put("age", [1], "3e38"))
    change(folder, "test", put("age", [2], "1e39"))
    with pytest.raises(DataError) as error:
        build(task).create_dev_loader(1)
    message = str(error.value)
    assert (
        "of 'age' too large for float32 when scaled by those of the train split: 3e+38" in message
    )
    assert "dev.csv: column" in message
    assert "(line 3)" in message
    told = "column 'age': 1 value of 'age' without a finite number: 1e+39, too large for float32"
    assert f"test.csv: {told} (line 4)" in message


def test_a_label_is_there_or_not(build, folder):
    change(folder, "train", put("wet", [4], 2))
    change(folder, "test", put("loud", [0, 3], -1))

    with pytest.raises(DataError) as error:
        build("ml-classification").create_dev_loader(1)

    message = str(error.value)
    assert "train.csv: column ['wet', 'loud']: 1 value below 0 or above 1: 2 of 'wet' (line 6)" in (
        message
    )
    assert "test.csv: column ['wet', 'loud']: 2 values" in message
    assert "(lines 2, 5); a sample has a label (1), or has it not (0)" in message


def test_a_target_that_never_changes_cannot_be_scaled(build, folder):
    change(folder, "train", put("age", list(range(12)), 3))

    with pytest.raises(DataError, match="'age' cannot be scaled"):
        build("regression").create_dev_loader(1)


def test_names_that_a_suffix_makes_equal_are_told(build, folder):
    change(folder, "dev", put("file", [0, 1], ["12.a", "12.b"]))

    with pytest.raises(DataError, match=r"'12.a' and '12.b' of column 'file' are both"):
        build().create_dev_loader(1)


def test_a_file_that_breaks_later_is_named_with_its_row(build, folder):
    split = build().dev_dataset
    (folder / "features" / "12.npy").unlink()
    (folder / "features" / "13.npy").write_bytes(b"\x93NUMPY")

    with pytest.raises(FileNotFoundError, match=r"dev\.csv, line 2.*12\.npy"):
        split[0]
    with pytest.raises(CorruptFileError, match=r"13\.npy.*dev\.csv, line 3"):
        split[1]


def test_handlers_that_read_no_files_need_none(build, folder):
    for path in (folder / "features").iterdir():
        path.unlink()

    dataset = build(file_handler="autrainer.datasets.utils.IdentityFileHandler")

    assert dataset.dev_dataset[0].features == f"{folder}/features/12.npy"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.sets(st.integers(0, 2 * FEW_FILES)), st.sets(st.integers(0, 2 * FEW_FILES)))
def test_missing_files_are_those_that_are_not_there(tmp_path, present, asked):
    folder = tmp_path / "files"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for number in present:
        (folder / str(number)).touch()
    paths = [f"{folder}/{number}" for number in sorted(asked)]

    assert missing_files(paths) == [path for path in paths if not os.path.isfile(path)]


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "b")
    nowhere = [f"{tmp_path}/nowhere/{number}" for number in range(2 * FEW_FILES)]
    beside = [f"{tmp_path}/{number}" for number in range(2 * FEW_FILES)]

    for others in (nowhere, beside):
        asked = [f"{tmp_path}/a", f"{tmp_path}/b", *others]
        assert missing_files(asked) == asked


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.wav", "a.npy"),
        ("a", "a.npy"),
        ("b.c/a", "b.c/a.npy"),
        ("a.tar.gz", "a.tar.npy"),
        (".hidden", ".hidden.npy"),
        ("b/a.b", "b/a.npy"),
    ],
)
def test_only_the_last_suffix_of_the_name_is_replaced(path, expected):
    assert with_suffix(path, "npy") == with_suffix(path, ".npy") == expected


@pytest.mark.parametrize("metrics", [[], ["autrainer.metrics.UAR"]])
def test_a_metric_is_tracked_only_if_it_is_computed(build, metrics):
    with pytest.raises(ConfigError, match="tracking_metric is 'accuracy', which is not among"):
        build(metrics=metrics)
