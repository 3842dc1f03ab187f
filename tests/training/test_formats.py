"""Tables of outputs in the format that the configuration asks for."""

import ast
import sys

import numpy as np
import pandas as pd
import pytest

from autrainer.errors import ConfigError, MissingExtraError
from tests.training.conftest import built, trained


@pytest.mark.parametrize(
    ("table_format", "reader"), [("parquet", pd.read_parquet), ("arrow", pd.read_feather)]
)
def test_all_tables_of_a_run_are_in_the_format_asked_for(tmp_path, table_format, reader):
    trainer = trained(tmp_path, f"outputs_format={table_format}")
    run = trainer.output_directory
    found = {str(path.relative_to(run)) for path in run.rglob("*_results.*")}
    files = ("epoch_1/train", "epoch_1/dev", "epoch_2/train", "epoch_2/dev", "_best/dev")
    expected = {f"{name}_results.{table_format}" for name in (*files, "_test/test")}
    assert found - {"_best/best_results.yaml"} == expected
    table = reader(run / "_test" / f"test_results.{table_format}")
    assert np.array_equal(table["index"], np.load(run / "_test" / "test_indices.npy"))
    assert table["predictions"].tolist() == trainer.test_tracker.results_df["predictions"].tolist()


def test_the_format_changes_nothing_but_the_tables(tmp_path):
    csv, parquet = (
        trained(tmp_path, f"outputs_format={kind}", name=kind) for kind in ("csv", "parquet")
    )
    assert csv.metrics.equals(parquet.metrics)
    table = pd.read_csv(csv.output_directory / "_test" / "test_results.csv")
    other = pd.read_parquet(parquet.output_directory / "_test" / "test_results.parquet")
    assert list(table) == list(other)
    assert table["target"].tolist() == other["target"].tolist()
    numbers = [name for name in table if name.startswith("probability_")]
    assert np.array_equal(table[numbers].to_numpy(np.float32), other[numbers].to_numpy())


COLUMNS = {
    "Classification": [*("probability_ant", "probability_bee", "probability_cat")],
    "MLClassification": [*("probability_wet", "probability_loud")],
    "Regression": ["probability_age"],
    "MTRegression": [
        *("prediction_age", "prediction_height", "target_age", "target_height"),
        *("probability_age", "probability_height"),
    ],
}


@pytest.mark.parametrize("table_format", ["csv", "parquet"])
@pytest.mark.parametrize("task", COLUMNS)
def test_a_row_has_the_target_and_the_name_of_its_sample(
    tmp_path, csv_run, csv_data, task, table_format
):
    trainer = trained(tmp_path, f"outputs_format={table_format}", **csv_run(task))
    run = trainer.output_directory
    for folder, subset in (("epoch_2", "train"), ("_best", "dev"), ("_test", "test")):
        path = run / folder / f"{subset}_results.{table_format}"
        table = pd.read_csv(path) if table_format == "csv" else pd.read_parquet(path)
        assert list(table) == ["index", "predictions", "target", "file", *COLUMNS[task]]
        rows = pd.read_csv(csv_data / f"{subset}.csv").iloc[table["index"]]
        assert table["file"].tolist() == rows["file"].tolist()
        expected = rows[trainer.data.target_column].to_numpy().tolist()
        if task == "MLClassification":
            expected = [
                [name for name, has in zip(["wet", "loud"], row, strict=True) if has]
                for row in expected
            ]
        assert [_literal(cell) for cell in table["target"]] == expected


def _literal(cell):
    """A list that CSV holds as its text; Parquet gives an array."""
    if isinstance(cell, str) and cell.startswith("["):
        return ast.literal_eval(cell)
    return cell.tolist() if isinstance(cell, np.ndarray) else cell


def test_columns_of_several_targets_hold_what_the_lists_hold(tmp_path, csv_run):
    run = trained(tmp_path, **csv_run("MTRegression")).output_directory
    table = pd.read_csv(run / "_test" / "test_results.csv")
    for column, prefix in (("predictions", "prediction"), ("target", "target")):
        lists = [ast.literal_eval(cell) for cell in table[column]]
        columns = table[[f"{prefix}_age", f"{prefix}_height"]]
        assert columns.to_numpy().tolist() == lists
    assert table["target_age"].tolist() == [34 % 7 * 1.5, *(n % 7 * 1.5 for n in range(35, 43))]


@pytest.mark.parametrize(
    ("column", "heading"), [("index", "index_name"), ("target", "target_name")]
)
def test_a_name_that_the_table_has_already_gets_another(
    tmp_path, csv_run, csv_data, column, heading
):
    for subset in ("train", "dev", "test"):
        frame = pd.read_csv(csv_data / f"{subset}.csv").rename(columns={"file": column})
        frame.to_csv(csv_data / f"{subset}.csv", index=False)
    trainer = trained(tmp_path, **csv_run("Classification", index_column=column))
    table = pd.read_csv(trainer.output_directory / "_test" / "test_results.csv")
    assert list(table)[:4] == ["index", "predictions", "target", heading]
    assert list(trainer.test_tracker.results_df)[:4] == list(table)[:4]
    assert table[heading].tolist() == trainer.test_tracker.results_df[heading].tolist()


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"outputs_format is 'xlsx'.*use 'csv'"):
        built(tmp_path, "outputs_format=xlsx")


def test_a_missing_library_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="needs pyarrow"):
        built(tmp_path, "outputs_format=arrow")
    assert list(tmp_path.iterdir()) == []
