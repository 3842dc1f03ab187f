"""Tables of outputs in the format that the configuration asks for."""

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
    numbers = list(table)[2:]
    assert np.array_equal(table[numbers].to_numpy(np.float32), other[numbers].to_numpy())


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"outputs_format is 'xlsx'.*use 'csv'"):
        built(tmp_path, "outputs_format=xlsx")


def test_a_missing_library_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="needs pyarrow"):
        built(tmp_path, "outputs_format=arrow")
    assert list(tmp_path.iterdir()) == []
