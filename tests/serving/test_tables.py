"""Rows of a table through a model that has learned from columns of a table."""

import logging

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from autrainer import cli
from autrainer.cli.errors import CommandLineError
from autrainer.data.file_handlers import IdentityFileHandler
from autrainer.data.targets import LabelEncoder
from autrainer.errors import ConfigError
from autrainer.models import FFNN
from autrainer.runs.objects import save_object
from autrainer.serving import Inference
from autrainer.transforms import SmartCompose
from tests.serving.conftest import write_model

DATASET = {
    "features": ["age", "height", "speed"],
    "index_column": "person",
    "target_column": "label",
    "path": "data",
}


def write_run(folder, **dataset):
    """A folder like that of a run on a table."""
    torch.manual_seed(0)
    targets = LabelEncoder(["fast", "slow"])
    write_model(folder, FFNN(2, 3, 4, dropout=0), handler=IdentityFileHandler(), targets=targets)
    save_object(SmartCompose([]), folder / "preprocess_pipeline.yaml")
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "config.yaml").write_text(yaml.safe_dump({"dataset": DATASET | dataset}))
    return folder


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table whose columns have another order than the features."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(70, 3)), columns=["speed", "age", "height"])
    frame["person"] = [f"{n:03}" for n in range(70)]
    frame.to_csv("people.csv", index=False)
    return frame


def expected(run, frame, columns=("age", "height", "speed")):
    state = torch.load(run / "_best" / "model.pt", weights_only=True)
    model = FFNN(2, 3, 4, dropout=0)
    model.load_state_dict(state)
    features = torch.from_numpy(frame[list(columns)].to_numpy(np.float32, copy=True))
    with torch.no_grad():
        return model.eval()(features).numpy(), model.embeddings(features).numpy()


def test_rows_are_predicted_from_columns_by_name_and_keep_their_index(table, tmp_path):
    run = write_run(tmp_path / "run")
    cli.inference("run", "people.csv", "out", embeddings=True)
    results = pd.read_csv("out/results.csv", dtype={"person": str})
    assert list(results.columns) == ["person", "prediction", "output", "fast", "slow"]
    assert results["person"].tolist() == table["person"].tolist()
    outputs, embeddings = expected(run, table)
    found = np.array([yaml.safe_load(text) for text in results["output"]])
    assert np.allclose(found, outputs, atol=1e-6)
    assert results["prediction"].tolist() == [["fast", "slow"][n] for n in outputs.argmax(1)]
    assert np.allclose(np.load("out/embeddings.npy"), embeddings, atol=1e-6)
    assert yaml.safe_load((tmp_path / "out/results.yaml").read_text())["007"]


@pytest.mark.usefixtures("table")
def test_the_command_counts_rows(tmp_path, autrainer):
    write_run(tmp_path / "run", index_column=None)
    done = autrainer("inference", "run", "people.csv", "out")
    assert done.stdout == "70 of 70 rows have results, in out\n"
    assert pd.read_csv(tmp_path / "out" / "results.csv")["row"].tolist() == list(range(70))


def test_rows_without_numbers_are_named_and_the_others_have_results(table, tmp_path):
    write_run(tmp_path / "run")
    table.loc[3, "age"] = np.nan
    table.astype({"height": object}).replace({"height": {table["height"][5]: "tall"}}).to_csv(
        "people.csv", index=False
    )
    with pytest.raises(CommandLineError, match="2 rows have no result:\n  003: no finite number"):
        cli.inference("run", "people.csv", "out")
    failed = yaml.safe_load((tmp_path / "out" / "failed.yaml").read_text())
    assert failed == {
        "003": "no finite number in column 'age'",
        "005": "no finite number in column 'height'",
    }
    assert len(pd.read_csv("out/results.csv")) == 68


def test_names_that_repeat_are_numbered_where_they_are_keys(table, tmp_path):
    write_run(tmp_path / "run")
    table.assign(person="anna").to_csv("people.csv", index=False)
    cli.inference("run", "people.csv", "out")
    assert set(pd.read_csv("out/results.csv")["person"]) == {"anna"}
    assert list(yaml.safe_load((tmp_path / "out/results.yaml").read_text()))[-1] == "69"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_pattern_means_the_columns_of_the_train_set_in_their_order(
    table, tmp_path, is_there, caplog
):
    run = write_run(tmp_path / "run", features=["*e*"], target_column="speed", index_column=None)
    order = ["height", "age", "weight"] if is_there else ["age", "height", "weight"]
    if is_there:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "train.csv").write_text(f"speed,{','.join(order)}\n")
    frame = table[["age", "height"]].assign(weight=1.0)
    frame.to_csv("people.csv", index=False)
    found = Inference(run).predict_table("people.csv")
    outputs, _ = expected(run, frame, order)
    assert np.allclose(np.array(found["output"].tolist()), outputs, atol=1e-6)
    assert [r.levelno for r in caplog.records] == ([] if is_there else [logging.WARNING])


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"input": "."}, "the input '.' is a folder; the run has learned from a table: give a CSV"),
        (
            {"input": "no.csv"},
            "the input 'no.csv' does not exist; the run has learned from a",
        ),
        ({"list": "people.csv"}, "not from recordings; leave out --list"),
        ({"window_length": 1.0}, "not from recordings; leave out windows"),
        ({"input": "few.csv"}, "few.csv: there is no column 'speed'; there are 'age', 'height'"),
        ({"input": "semicolon.csv"}, "save the table with commas instead of ';'"),
        ({"input": "empty.csv"}, "empty.csv: there is no row"),
        ({"input": "text.csv"}, "text.csv: column 'age' holds no numbers: 'old'"),
    ],
)
def test_what_is_no_table_of_the_run_is_told_in_a_sentence(tmp_path, arguments, reason):
    write_run(tmp_path / "run")
    for name, text in {
        "few": "age,height\n1,2\n",
        "semicolon": "age;height;speed\n1;2;3\n",
        "empty": "age,height,speed\n",
        "text": "age,height,speed\nold,2,3\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(CommandLineError) as caught:
        cli.inference("run", **{"input": "people.csv", "output": "out"} | arguments)
    assert reason in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_model_of_files_takes_no_table(tmp_path):
    run = write_model(tmp_path / "model", FFNN(2, 3, 4, dropout=0))
    with pytest.raises(ConfigError, match="has not learned from a table"):
        Inference(run).predict_table("people.csv")


@pytest.mark.usefixtures("table")
def test_embeddings_of_an_earlier_call_are_named(tmp_path, capsys):
    write_run(tmp_path / "run")
    cli.inference("run", "people.csv", "out", embeddings=True)
    assert "Not of this call" not in capsys.readouterr().out
    cli.inference("run", "people.csv", "out")
    assert "left as it was: out/embeddings.npy\n" in capsys.readouterr().out


@pytest.mark.usefixtures("table")
def test_an_interrupted_call_says_that_the_same_command_begins_anew(tmp_path, autrainer):
    write_run(tmp_path / "run")
    (tmp_path / "mine.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    (tmp_path / "run" / "model.yaml").write_text("$mine.Model:\n  output_dim: 2\n")
    done = autrainer("inference", "run", "people.csv", "out", "--trust-local", check=False)
    assert done.returncode == 130
    assert done.stderr == (
        "\nStopped by SIGINT; the same command begins anew:\n"
        "  autrainer inference run people.csv out --trust-local\n"
    )
