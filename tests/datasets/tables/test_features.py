"""Features that stand in columns of the CSV files."""

import logging
from functools import cached_property

import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from autrainer.config.instantiate import instantiate
from autrainer.config.schema.run import RunConfig
from autrainer.datasets import (
    BaseClassificationDataset,
    BaseMLClassificationDataset,
    BaseMTRegressionDataset,
    BaseRegressionDataset,
)
from autrainer.datasets.tables.features import FeatureColumns
from autrainer.errors import ConfigError, DataError
from autrainer.training.checks.configuration import find_problems
from autrainer.transforms import AbstractTransform, SmartCompose, Standardizer
from tests.training.conftest import configured, trained

KINDS = {
    BaseClassificationDataset: ("label", "autrainer.metrics.UAR"),
    BaseMLClassificationDataset: (["wet", "loud"], "autrainer.metrics.MLF1Macro"),
    BaseRegressionDataset: ("age", "autrainer.metrics.MSE"),
    BaseMTRegressionDataset: (["age", "loud"], "autrainer.metrics.MSE"),
}
COLUMNS = ["mfcc_1", "mfcc_2", "f[0]", "steps"]


@pytest.fixture
def folder(tmp_path):
    """Tables of numbers with targets of every kind, and no files beside them."""
    rng = np.random.default_rng(0)
    for subset, rows in (("train", 12), ("dev", 6), ("test", 6)):
        number = np.arange(rows)
        pd.DataFrame(
            {
                "name": [f"0{n}" for n in number],
                "mfcc_2": rng.normal(50, 10, rows),
                "mfcc_1": rng.normal(0, 1, rows),
                "label": np.array(["cat", "ant", "bee"])[number % 3],
                "f[0]": rng.integers(0, 2, rows).astype(bool),
                "steps": rng.integers(0, 2**20, rows),
                "age": number * 1.5,
                "wet": number % 2,
                "loud": (number % 3 == 0).astype(float),
            }
        ).to_csv(tmp_path / f"{subset}.csv", index=False)
    return tmp_path


@pytest.fixture
def build(folder):
    def built(kind=BaseClassificationDataset, **changes):
        column, metric = KINDS[kind]
        arguments = {
            **{"path": str(folder), "features": COLUMNS, "target_column": column, "seed": 1},
            **{"metrics": [metric], "tracking_metric": metric},
        }
        return kind(**{**arguments, **changes})

    return built


def change(folder, subset, rows, column, value):
    frame = pd.read_csv(folder / f"{subset}.csv", dtype=str)
    frame.loc[rows, column] = value
    frame.to_csv(folder / f"{subset}.csv", index=False)


@pytest.mark.parametrize("kind", KINDS)
def test_every_task_learns_from_a_table_without_any_file(build, folder, kind, caplog):
    caplog.set_level(logging.DEBUG)
    dataset = build(kind)
    expected = pd.read_csv(folder / "dev.csv")[COLUMNS].to_numpy(dtype=np.float64)

    (batch,) = dataset.create_dev_loader(6)

    assert batch.features.dtype == torch.float32
    assert np.array_equal(batch.features.numpy(), expected.astype(np.float32))
    assert batch.target.shape[0] == 6
    assert "by path 'arrays' (they lie in memory)" in caplog.text
    item = dataset.dev_dataset[2]
    assert torch.equal(item.features, batch.features[2])
    assert item.features.shape == (4,)


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (["steps", "mfcc_1"], ["steps", "mfcc_1"]),
        ("mfcc_*", ["mfcc_2", "mfcc_1"]),
        (["mfcc_1", "mfcc_?", "steps"], ["mfcc_1", "mfcc_2", "steps"]),
        (["f[0]"], ["f[0]"]),
        (["f[*"], ["f[0]"]),
        # Neither index nor target.
        ("*", ["mfcc_2", "mfcc_1", "f[0]", "steps", "age", "wet", "loud"]),
    ],
)
def test_columns_are_named_or_meant_by_a_pattern(build, features, expected):
    dataset = build(features=features, index_column="name")

    assert dataset.feature_columns == expected
    assert dataset.train_dataset[0].features.shape == (len(expected),)


def test_the_order_is_that_of_the_train_split_whatever_other_tables_look_like(build, folder):
    frame = pd.read_csv(folder / "dev.csv")
    frame[sorted(frame.columns)].to_csv(folder / "dev.csv", index=False)

    item = build(features="mfcc_*").dev_dataset[0]

    assert item.features.tolist() == pytest.approx(frame.loc[0, ["mfcc_2", "mfcc_1"]].tolist())


def test_cells_without_a_number_are_named_with_file_line_and_column(build, folder):
    change(folder, "test", [2], "mfcc_1", "loud")
    change(folder, "test", [0, 5], "steps", None)
    change(folder, "dev", [3], "mfcc_2", "nan")
    change(folder, "train", [1, 2], "steps", "1e300")

    with pytest.raises(DataError) as error:
        build().create_train_loader(4)

    lines = str(error.value).splitlines()[1:]
    advice = "fill them, or leave the rows or the column out"
    assert lines == [
        f"- {folder}/train.csv: column 'steps': 2 cells without a finite number: inf (lines 3, "
        f"4); {advice}",
        f"- {folder}/dev.csv: column 'mfcc_2': 1 cell without a finite number: empty or NaN (line "
        f"5); {advice}",
        f"- {folder}/test.csv: column 'mfcc_1': 1 cell without a finite number: 'loud' (line 4); "
        f"{advice}",
        f"- {folder}/test.csv: column 'steps': 2 cells without a finite number: empty or NaN "
        f"(lines 2, 7); {advice}",
    ]


def test_a_column_of_texts_is_told_as_one(build, folder):
    change(folder, "dev", range(6), "steps", "a text that goes on and on, much too long")

    with pytest.raises(DataError) as error:
        build().create_train_loader(4)

    assert str(error.value).splitlines()[1] == (
        f"- {folder}/dev.csv: column 'steps' holds no numbers: 'a text that goes on and on..., "
        "...; leave it out of dataset.features"
    )


def test_columns_that_are_not_there_are_told_with_near_matches(build, folder):
    frame = pd.read_csv(folder / "test.csv")
    frame.drop(columns="mfcc_2").to_csv(folder / "test.csv", index=False)

    with pytest.raises(DataError) as error:
        build(features=["mfc_1", "mfcc_*", "gemaps_*"]).create_train_loader(4)

    message = str(error.value)
    assert f"{folder}/train.csv: there is no column 'mfc_1'; did you mean 'mfcc_1'" in message
    assert f"{folder}/train.csv: no column matches 'gemaps_*'; there are 'name', " in message
    assert f"{folder}/test.csv: there is no column 'mfcc_2'; did you mean 'mfcc_1'?" in message


def test_a_table_with_much_that_is_wrong_is_told_in_few_lines(build, folder):
    wide = pd.DataFrame({f"c{n}": ["x"] * 6 for n in range(100)})
    pd.concat([pd.read_csv(folder / "test.csv"), wide], axis=1).to_csv(
        folder / "test.csv", index=False
    )
    numbers = pd.DataFrame({f"c{n}": np.ones(12) for n in range(150)})
    pd.concat([pd.read_csv(folder / "train.csv"), numbers], axis=1).to_csv(
        folder / "train.csv", index=False
    )

    with pytest.raises(DataError) as error:
        build(features="c*").create_train_loader(4)

    message = str(error.value)
    assert len(message.splitlines()) < 25
    assert "dev.csv: 145 more columns of features are not there" in message
    assert "test.csv: 95 more columns of features have such cells" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": []}, r"features is \[\]; use a list of columns"),
        ({"features": 3}, "features is 3; use a list of columns"),
        ({"features": ["steps", 2]}, "names 2; names of columns are texts: write '2', with quotes"),
        ({"features": ["steps", "label"]}, "names 'label', which is a target"),
        ({"features": ["steps", "steps"]}, "names steps more than once"),
        ({"file_type": "npy"}, "file_type is given beside dataset.features"),
        (
            {"features_subdir": "x", "file_handler": "autrainer.datasets.utils.NumpyFileHandler"},
            "remove features_subdir, file_handler, or features",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(build, changes, message):
    with pytest.raises(ConfigError, match=message):
        build(**changes)


def test_a_standardizer_works_column_by_column(build):
    transforms = [SmartCompose([Standardizer()]) for _ in range(3)]
    names = ("train_transform", "dev_transform", "test_transform")
    dataset = build(**dict(zip(names, transforms, strict=True)))

    (batch,) = dataset.create_train_loader(12)

    assert torch.allclose(batch.features.mean(dim=0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(batch.features.std(dim=0), torch.ones(4), atol=1e-5)


class Doubled(AbstractTransform):
    """Code of a user's own."""

    def __call__(self, item):
        item.features = item.features * 2
        return item


def test_code_of_users_gets_rows_as_items(build):
    plain = build()
    doubled = build(dev_transform=SmartCompose([Doubled()]))

    (ours,), (theirs,) = plain.create_dev_loader(6), doubled.create_dev_loader(6)

    assert torch.equal(theirs.features, ours.features * 2)
    assert torch.equal(plain.dev_dataset[0].features, ours.features[0])


class Selected(BaseClassificationDataset):
    """Its train split is a part of the table."""

    @cached_property
    def df_train(self):
        frame = pd.read_csv(f"{self.path}/train.csv")
        frame["ratio"] = frame["mfcc_1"] / frame["mfcc_2"]
        return frame[frame["loud"] == 0]

    @property
    def df_dev(self):
        return self.df_train

    @property
    def df_test(self):
        return self.df_train


def test_frames_of_ones_own_are_tables_too(folder, build, monkeypatch):
    monkeypatch.setitem(KINDS, Selected, KINDS[BaseClassificationDataset])
    dataset = build(Selected, features=["ratio", "steps"])

    assert len(dataset.train_dataset) == len(dataset.df_train) == 8
    assert dataset.train_dataset[0].features[0] == np.float32(dataset.df_train["ratio"].iloc[0])


def test_an_argument_that_is_left_out_is_named():
    with pytest.raises(TypeError, match=r"^BaseClassificationDataset needs seed, metrics, "):
        BaseClassificationDataset("somewhere", features=["a"], target_column="label")
    with pytest.raises(ConfigError, match=r"file_handler is missing; .* needs it, or features"):
        instantiate({"_target_": "autrainer.datasets.BaseRegressionDataset", "path": "somewhere"})


TABLE = {
    "id": "Table",
    "_target_": "autrainer.datasets.BaseClassificationDataset",
    **{"features": ["mfcc_*"], "target_column": "label"},
    "criterion": "autrainer.criterions.CrossEntropyLoss",
    "metrics": ["autrainer.metrics.UAR"],
    "tracking_metric": "autrainer.metrics.UAR",
    "transform": {"type": "tabular", "base": ["autrainer.transforms.Standardizer"]},
}


def test_a_configuration_says_features_or_what_files_need(folder):
    dataset = {**TABLE, "path": str(folder)}
    config = OmegaConf.to_container(configured(dataset=dataset, model__input_size=2))
    assert find_problems(RunConfig.read(config)) == []

    del config["dataset"]["features"]
    missing = {problem.key for problem in find_problems(RunConfig.read(config))}
    assert {"dataset.index_column", "dataset.file_handler"} <= missing


@pytest.mark.parametrize(("index", "columns"), [({}, []), ({"index_column": "name"}, ["name"])])
def test_a_run_trains_on_a_table_and_names_its_rows_where_they_have_names(folder, index, columns):
    dataset = {**TABLE, "path": str(folder), **index}
    trainer = trained(folder, "iterations=1", "batch_size=4", dataset=dataset, model__input_size=2)

    results = pd.read_csv(trainer.output_directory / "_test" / "test_results.csv", dtype=str)
    assert list(results.columns)[:3] == ["index", "predictions", "target"]
    assert [name for name in results if name in ("name", "None")] == columns
    assert [results[name].tolist() for name in columns] == [[f"0{n}" for n in range(6)]] * len(
        columns
    )


def test_names_mean_themselves_before_they_are_patterns():
    columns = FeatureColumns(["a*", "b?"], others=["b2"], targets=[])

    assert columns.of(["a1", "a*", "b1", "b2"]) == ["a*", "b1"]


NO_TABLE = "expected a table of comma-separated values, found"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"name;steps\na;1\n", "there is one column, 'name;steps'; save the table with commas"),
        (b"name,steps\n\xe4,1\n", f"{NO_TABLE} text that is not UTF-8 (byte 0xe4); save"),
        (b"name,steps\na,1\na,1,2\n", f"{NO_TABLE} Expected 2 fields in line 3, saw 3"),
    ],
)
def test_a_file_that_is_no_table_is_told_once(build, folder, content, told):
    path = folder / "dev.csv"
    path.write_bytes(content)

    with pytest.raises(DataError) as error:
        build().create_train_loader(4)

    message = str(error.value)
    assert f"- {path}: {told}" in message
    assert len(message.splitlines()) == 2


def test_decimal_commas_are_told(build, folder):
    change(folder, "dev", range(6), "steps", "0,25")

    with pytest.raises(DataError, match="'steps': numbers with a decimal comma: '0,25'"):
        build().create_train_loader(4)
