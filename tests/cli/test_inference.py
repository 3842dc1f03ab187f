"""`autrainer inference`, from recordings to a folder of results."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from autrainer import cli
from autrainer.cli.errors import CommandLineError
from autrainer.data.file_handlers import NumpyFileHandler
from autrainer.models import FFNN
from tests.serving.conftest import write_model, write_wav

SOURCE = """\
import torch
from autrainer.models import AbstractModel

class Loudness(AbstractModel):
    def __init__(self, output_dim, transfer=None):
        super().__init__(output_dim, transfer)
        self.out = torch.nn.Linear(1, output_dim)

    def embeddings(self, features):
        return features.abs().amax(dim=-1)

    def forward(self, features):
        return self.out(self.embeddings(features))
"""


@pytest.fixture
def project(tmp_path):
    """A model of autrainer's own, and a folder of vectors."""
    torch.manual_seed(0)
    write_model(tmp_path / "model", FFNN(2, 4, 3, dropout=0), handler=NumpyFileHandler())
    (tmp_path / "in" / "deep").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("b.npy", "a.NPY", "deep/c.npy"):
        with open(tmp_path / "in" / name, "wb") as file:
            np.save(file, rng.standard_normal(4, dtype=np.float32))
    return tmp_path


VECTORS = ("-e", "npy", "-p", "None")


def test_what_the_model_says_about_a_single_recording_is_shown(project, autrainer):
    first, second = autrainer("inference", "model", "in/b.npy", "out", *VECTORS).stdout.splitlines()
    assert re.fullmatch(r"b\.npy: (\w+) \(\1 0\.\d{3}, \w+ 0\.\d{3}\)", first)
    assert second == "1 of 1 files have results, in out"


def test_a_list_names_the_recordings(project, autrainer):
    (project / "test.csv").write_text("label,filename\nx,deep/c.npy\ny,b.npy\n")
    autrainer("inference", "model", "in", "out", *VECTORS, "--list", "test.csv")
    table = pd.read_csv(project / "out" / "results.csv")
    assert table["filename"].tolist() == ["deep/c.npy", "b.npy"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no list 'test.csv'"),
        ("name\nb.npy\n", "test.csv has no column filename or file or path, found name"),
        ("filename;label\nb.npy;x\n", "save the table with commas instead of ';'"),
        ("filename\nd.npy\ne.npy\n", "'in' does not have 'd.npy' and 1 more, of column filename"),
        ("filename\n", "'in' does not have any file"),
        ("filename\nb.npy\n../in/b.npy\n", "test.csv names '../in/b.npy'; name files below 'in'"),
        ("filename\n/etc/hostname\n", "test.csv names '/etc/hostname'; name files below 'in'"),
    ],
)
def test_a_list_that_is_no_list_of_the_recordings_is_named(project, content, reason, monkeypatch):
    monkeypatch.chdir(project)
    if content is not None:
        (project / "test.csv").write_text(content)
    with pytest.raises(CommandLineError, match=re.escape(reason)):
        cli.inference("model", "in", "out", list="test.csv")


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_predictions_and_embeddings_are_written(project, autrainer):
    told = autrainer("inference", "model", "in", "out", *VECTORS, "-r", "-emb").stdout
    assert told == "3 of 3 files have results, in out\n"
    out = project / "out"
    assert names(out) == ["a.npy", "b.npy", "deep/c.npy", "results.csv", "results.yaml"]
    table = pd.read_csv(out / "results.csv")
    assert table["filename"].tolist() == ["a.NPY", "b.npy", "deep/c.npy"]
    assert list(table.columns) == ["filename", "prediction", "output", "a", "b"]
    assert yaml.safe_load((out / "results.yaml").read_text()) == dict(
        zip(table["filename"], table["prediction"], strict=True)
    )
    outputs = np.array([json.loads(text) for text in table["output"]], dtype=np.float32)
    embeddings = np.stack([np.load(out / f"{name}.npy") for name in ("a", "b", "deep/c")])
    state = torch.load(project / "model" / "_best" / "model.pt", weights_only=True)
    expected = torch.from_numpy(embeddings) @ state["Linear1.weight"].T + state["Linear1.bias"]
    assert np.allclose(outputs, expected.numpy(), atol=1e-6)


def test_a_single_file_will_do(project):
    cli.inference("model", "in/b.npy", "out", extension="npy", preprocess_cfg=None)
    assert pd.read_csv(project / "out" / "results.csv")["filename"].tolist() == ["b.npy"]


def test_tables_are_parquet_by_choice(project):
    cli.inference("model", "in", "out", extension="npy", preprocess_cfg=None, format="parquet")
    table = pd.read_parquet(project / "out" / "results.parquet")
    assert [len(output) for output in table["output"]] == [2, 2]
    assert names(project / "out") == ["results.parquet", "results.yaml"]


def test_a_table_of_another_format_is_named_and_left_as_it_was(project, capsys):
    cli.inference("model", "in", "out", extension="npy", preprocess_cfg=None)
    assert "Not of this call" not in capsys.readouterr().out
    before = (project / "out" / "results.csv").read_bytes()
    cli.inference("model", "in", "out", extension="npy", preprocess_cfg=None, format="parquet")
    assert "Not of this call, and left as it was: out/results.csv\n" in capsys.readouterr().out
    assert (project / "out" / "results.csv").read_bytes() == before


def test_files_that_cannot_be_read_are_told_together_after_the_others(project, autrainer):
    (project / "in" / "text.npy").write_text("no array")
    (project / "in" / "empty.npy").touch()
    done = autrainer("inference", "model", "in", "out", *VECTORS, check=False)
    assert done.returncode == 1
    assert "2 of 4 files have results" in done.stdout
    assert "2 files have no result:\n  empty.npy: " in done.stderr
    failed = yaml.safe_load((project / "out" / "failed.yaml").read_text())
    assert list(failed) == ["empty.npy", "text.npy"]
    assert len(pd.read_csv(project / "out" / "results.csv")) == 2
    for name in failed:
        shutil.copy(project / "in" / "b.npy", project / "in" / name)
    autrainer("inference", "model", "in", "out", *VECTORS)
    assert names(project / "out") == ["results.csv", "results.yaml"]


def test_a_module_beside_the_user_is_imported_if_that_is_allowed(tmp_path, autrainer):
    write_model(tmp_path / "model")
    write_wav(tmp_path / "in" / "a.wav", 800)
    (tmp_path / "mine.py").write_text(SOURCE)
    (tmp_path / "model" / "model.yaml").write_text("$mine.Loudness:\n  output_dim: 2\n")
    state = {"out.weight": torch.tensor([[1.0], [-1.0]]), "out.bias": torch.zeros(2)}
    torch.save(state, tmp_path / "model" / "_best" / "model.pt")
    done = autrainer("inference", "model", "in", "out", check=False)
    assert done.returncode == 1
    assert "mine.Loudness is none of autrainer's" in done.stderr
    assert "--trust-local" in done.stderr
    autrainer("inference", "model", "in", "out", "-tl")
    assert yaml.safe_load((tmp_path / "out" / "results.yaml").read_text()) == {"a.wav": "a"}


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"model": "nothing"}, 1, "'nothing' is no folder"),
        ({"model": "hf:"}, 1, "'hf:' names no model on a hub"),
        ({"input": "nothing"}, 1, "the input 'nothing' does not exist"),
        ({"extension": "wav"}, 1, "'in' holds no files of type 'wav'; -r looks into"),
        ({"device": "gpu"}, 2, "the device is 'gpu'; use cpu, cuda, cuda:<number> or mps"),
        ({"checkpoint": "epoch_9"}, 1, "there is no checkpoint model/epoch_9/model.pt"),
        ({"preprocess_cfg": "mine"}, 1, "no preprocessing 'mine'; looked for mine.yaml, conf/"),
        ({"window_length": 1.0}, 1, "lengths in seconds need a sample rate"),
        ({"stride_length": 1.0}, 1, "a stride length but no window length"),
        ({"batch_size": 0}, 1, "batch_size is 0"),
        ({"tail": "keep"}, 2, "tail is 'keep'; use drop or pad or align"),
        ({"format": "xlsx"}, 2, "format is 'xlsx'; use csv or parquet"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_written(project, changes, code, message):
    options = {"model": "model", "input": "in", "extension": "npy", "preprocess_cfg": None}
    with pytest.raises(CommandLineError, match=message) as caught:
        cli.inference(output="out", **{**options, **changes})
    assert caught.value.code == code
    assert not (project / "out").exists()


def test_an_interrupted_call_says_that_the_same_command_goes_on(tmp_path, autrainer):
    write_model(tmp_path / "model")
    write_wav(tmp_path / "in" / "a.wav", 800)
    (tmp_path / "mine.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    (tmp_path / "model" / "model.yaml").write_text("$mine.Loudness:\n  output_dim: 2\n")
    done = autrainer("inference", "model", "in", "out", "--trust-local", check=False)
    assert done.returncode == 143
    assert done.stderr == (
        "\nStopped by SIGTERM; the same command goes on:\n"
        "  autrainer inference model in out --trust-local\n"
    )
