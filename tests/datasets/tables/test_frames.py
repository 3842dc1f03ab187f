"""CSV files of datasets: cells as they are written, and the lines that rows stand in."""

import csv
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autrainer.datasets import BaseClassificationDataset
from autrainer.datasets.tables.frames import Listing, read_frame
from autrainer.errors import CorruptFileError, DataError
from autrainer.runs.objects import object_yaml

WORDS_FOR_NOTHING = ["NA", "None", "null", "nan", "N/A", "<NA>"]


def rewrite(folder, column, values):
    """Give all splits of a folder new texts in a column, in turn."""
    for subset in ("train", "dev", "test"):
        frame = pd.read_csv(folder / f"{subset}.csv", dtype=str, keep_default_na=False)
        frame[column] = [values[row % len(values)] for row in range(len(frame))]
        frame.to_csv(folder / f"{subset}.csv", index=False)


@pytest.mark.parametrize("labels", [["001", "01", "1"], ["1", "1.0", "1e0"], ["true", "True"]])
def test_labels_that_are_written_differently_are_different(build, folder, labels):
    rewrite(folder, "label", labels)
    dataset = build()

    assert dataset.target_transform.labels == sorted(labels)
    assert dataset.dev_dataset.targets[:3].tolist() == [
        sorted(labels).index(label) for label in (labels * 2)[:3]
    ]


def test_words_for_nothing_are_labels_strata_and_names_of_files(build, folder):
    rewrite(folder, "label", WORDS_FOR_NOTHING)
    rewrite(folder, "file", WORDS_FOR_NOTHING)
    for word in ("NA", "None", "null", "nan", "<NA>"):
        np.save(folder / "features" / f"{word}.npy", np.zeros(3))
    (folder / "features" / "N").mkdir()
    np.save(folder / "features" / "N" / "A.npy", np.zeros(3))
    dataset = build(stratify=["label"])

    assert dataset.target_transform.labels == sorted(WORDS_FOR_NOTHING)
    assert list(dataset.strata("dev")) == WORDS_FOR_NOTHING
    assert dataset.dev_dataset.paths[0] == f"{folder}/features/NA.npy"


def test_leading_zeros_belong_to_the_name_of_a_file(build, folder):
    names = [f"{number:04}" for number in range(12)]
    rewrite(folder, "file", names)
    for name in names:
        np.save(folder / "features" / f"{name}.npy", np.zeros(3))

    assert build().train_dataset.paths[:2] == [
        f"{folder}/features/0000.npy",
        f"{folder}/features/0001.npy",
    ]


def test_integers_as_python_writes_them_stay_integers_in_their_order(build, folder):
    rewrite(folder, "label", ["10", "9", "2"])
    rewrite(folder, "city", ["7", "-1"])
    dataset = build(stratify=["city"])

    assert dataset.target_transform.labels == [2, 9, 10]
    assert (dataset.df_train["label"] == 10).sum() == 4
    assert (dataset.df_train["city"] == 7).sum() == 6


def test_a_label_is_the_same_in_a_split_where_others_are_no_numbers(build, folder):
    rewrite(folder, "label", ["10", "9", "2"])
    frame = pd.read_csv(folder / "dev.csv", dtype=str)
    frame.loc[1, "label"] = "02"
    frame.to_csv(folder / "dev.csv", index=False)

    with pytest.raises(
        DataError, match=r"1 sample with unknown labels: '02' \(line 3\); .* 2, 9, 10"
    ):
        build().create_dev_loader(1)


def test_only_columns_of_names_and_labels_are_read_as_written(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("file,label,age,fold\nNA,01,NA,02\n,None,1.5,\n")

    frame = read_frame(path, {"file", "label"})

    assert frame["file"].isna().tolist() == [False, True]
    assert frame["label"].tolist() == ["01", "None"]
    assert frame["age"].isna().tolist() == [True, False]
    assert frame["fold"].tolist()[0] == 2.0


def test_numbers_of_regression_are_read_as_numbers(build, folder):
    rewrite(folder, "age", ["01", "1", "2.50"])

    assert build("regression").df_train["age"].tolist()[:3] == [1.0, 1.0, 2.5]
    assert build("ml-classification").df_train["wet"].tolist()[:3] == [0, 1, 0]


def test_labels_of_a_run_are_read_back_as_they_were(build, folder):
    import audobject

    rewrite(folder, "label", ["null", "01", "1e3", "yes", "~"])

    written = object_yaml(build().target_transform)

    assert audobject.from_yaml_s(written).labels == sorted(["null", "01", "1e3", "yes", "~"])


def test_frames_of_the_users_own_keep_their_values(build, folder):
    class Own(BaseClassificationDataset):
        @property
        def df_train(self):
            return super().df_train[lambda frame: frame["age"] > 1]

        @property
        def df_dev(self):
            return pd.read_csv(folder / "dev.csv").assign(label=[1, 2, 1, 2, 1, 2])

    rewrite(folder, "label", ["1", "2"])
    dataset = build(kind=Own)

    assert dataset.target_transform.labels == [1, 2]
    assert dataset.dev_dataset.targets.tolist() == [0, 1, 0, 1, 0, 1]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)))
def test_every_text_comes_back_as_it_was_written(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("frames") / "train.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(
            [["label", "x"], *((t, 1) for t in texts)]
        )

    assert [str(value) for value in read_frame(path, {"label"})["label"]] == texts


CELLS = st.sampled_from(["a", "two\nlines", "b,c", "", '"', "1", "x\r\ny"])


@given(st.lists(st.tuples(CELLS, CELLS, st.integers(0, 2)), min_size=1, max_size=9))
def test_a_row_is_named_by_the_line_in_which_it_begins(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("frames") / "train.csv"
    text, expected = "first,second\n", []
    for first, second, blank_lines in rows:
        text += "\n" * blank_lines
        expected.append(text.replace("\r\n", "\n").count("\n") + 1)
        cells = (cell.replace('"', '""') for cell in (first, second))
        text += ",".join(f'"{cell}"' for cell in cells) + "\n"
    path.write_text(text, newline="")
    listing = Listing(str(path), is_file=True)

    assert len(read_frame(path, {"first"})) == len(rows)
    for position, line in enumerate(expected):
        assert listing.place(position) == f"{path}, line {line}"


def test_rows_of_a_frame_are_named_as_rows():
    listing = Listing("df_dev of Own")

    assert listing.place(3) == "row 3 of df_dev of Own"
    assert listing.places([3]) == "row 3"
    assert listing.places(range(7)) == "rows 0, 1, 2, 3, 4, ..."


def test_a_file_that_has_gone_still_has_lines(tmp_path):
    assert Listing(str(tmp_path / "gone.csv"), is_file=True).places([0, 4]) == "lines 2, 6"


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_pipe_in_the_place_of_a_table_is_refused_and_not_waited_for(tmp_path, through_a_link):
    path = tmp_path / "train.csv"
    pipe = tmp_path / "pipe" if through_a_link else path
    os.mkfifo(pipe)
    if through_a_link:
        path.symlink_to(pipe)
    with pytest.raises(CorruptFileError, match=r"train\.csv: expected a file, found a pipe"):
        read_frame(path, set())
