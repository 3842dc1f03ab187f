"""`autrainer fetch`; the web is a server of this machine here."""

import pytest

from autrainer import cli
from autrainer.cli.errors import CommandLineError
from tests.datasets.fetching.test_web_files import CONTENT, server  # noqa: F401, a fixture

DATASET = """\
id: {name}
_target_: my_parts.{kind}
path: data/{name}
index_column: filename
target_column: label
file_type: wav
file_handler: autrainer.datasets.utils.AudioFileHandler
criterion: autrainer.criterions.CrossEntropyLoss
metrics: [autrainer.metrics.Accuracy]
tracking_metric: autrainer.metrics.Accuracy
transform:
  type: raw
  base:
    - my_parts.Asks@one
  train:
    - my_parts.Asks: null
"""
PARTS = """\
import os
from autrainer.datasets import BaseClassificationDataset
from autrainer.datasets.fetching.downloads import ZipDownloadManager
from autrainer.runs.web.integrity import Expected
from autrainer.models import FFNN
from autrainer.transforms import AbstractTransform

class Remote(BaseClassificationDataset):
    @staticmethod
    def download(path):
        size = {size}
        files = {{"clips.bin": os.environ["MY_SERVER"]}}
        expected = {{"clips.bin": Expected(size)}}
        ZipDownloadManager(files, path, pause_s=0, expected=expected).download()

class Broken(BaseClassificationDataset):
    @staticmethod
    def download(path):
        raise KeyError("no such place")

class Asks(AbstractTransform):
    def __init__(self, order=0):
        super().__init__(order)
        open("asked.txt", "a").write("transform ")

    def __call__(self, item):
        return item

class Net(FFNN):
    def __init__(self, output_dim, input_size):
        super().__init__(output_dim, input_size, 2)
        open("asked.txt", "a").write(f"model {{output_dim}} ")
"""


@pytest.fixture
def project(tmp_path, server, monkeypatch):  # noqa: F811
    monkeypatch.setenv("MY_SERVER", server.url)
    (tmp_path / "my_parts.py").write_text(PARTS.format(size=len(CONTENT)))
    for folder in ("dataset", "model"):
        (tmp_path / "conf" / folder).mkdir(parents=True)
    for kind in ("Remote", "Broken"):
        text = DATASET.format(name=kind, kind=kind)
        (tmp_path / f"conf/dataset/{kind}.yaml").write_text(text)
    (tmp_path / "conf/model/Net.yaml").write_text(
        "id: Net\n_target_: my_parts.Net\ninput_size: 3\ntransform:\n  type: raw\n"
        "  base:\n    - my_parts.Asks: null\n    - my_parts.Asks: {order: 3}\n"
    )
    return tmp_path


def test_datasets_transforms_and_models_are_asked_once(project, server, autrainer):  # noqa: F811
    server.steps = [{"bytes": 1000}]
    told = autrainer("fetch", "-l", "dataset=Remote", "model=Net", "seed=1,2").stdout
    assert told == (
        "Datasets:\n"
        " - Remote: there in data/Remote, 2 transforms can be built\n"
        "Models:\n"
        " - Net: 2 transforms can be built, the model can be built\n"
    )
    assert (project / "data/Remote/clips.bin").read_bytes() == CONTENT
    assert (project / "asked.txt").read_text() == "transform transform model 10 "
    assert server.asked == [(None, None), ("bytes=1000-", '"one"')]
    assert not (project / "results").exists()
    autrainer("fetch", "dataset=Remote", "model=Net")
    assert len(server.asked) == 2


def test_everything_that_a_sweep_varies_is_fetched(project, autrainer):
    told = autrainer("fetch", "dataset=Remote", "dataset.path=one,two", "model=Net").stdout
    assert " - Remote: there in one, 2 transforms can be built\n" in told
    assert " - Remote: there in two, 2 transforms can be built\n" in told
    assert (project / "two/clips.bin").read_bytes() == CONTENT
    autrainer("fetch", "dataset=Remote", "model=Net", "model.input_size=3,4", "seed=1,2")
    assert (project / "asked.txt").read_text().count("model 10 ") == 3


def test_what_does_not_come_is_told_after_all_others(project, server, autrainer):  # noqa: F811
    server.steps = [{"code": 404}]
    done = autrainer("fetch", "dataset=Broken,Remote", "model=Net", check=False)
    assert done.returncode == 1
    assert " - Broken: failed\n - Remote: failed\n" in done.stdout
    assert " - Net: 2 transforms" in done.stdout
    assert "dataset Broken: KeyError: 'no such place'" in done.stderr
    assert "dataset Remote: clips.bin did not come from" in done.stderr


def test_what_lies_nowhere_needs_nothing(capsys):
    cli.fetch({"dataset": "ToyTabular-C", "+model.model_checkpoint": "mine"})
    assert capsys.readouterr().out == (
        "Datasets:\n"
        " - ToyTabular-C: nothing to download\n"
        "Models:\n"
        " - ToyFFNN: nothing to download\n"
    )


def test_a_configuration_that_does_not_compose_is_told():
    with pytest.raises(CommandLineError, match="Nothing"):
        cli.fetch({"dataset": "Nothing"})


@pytest.mark.parametrize("name", ["results_dir", "learning_rate"])
def test_a_key_that_names_run_folders_is_told_if_it_is_missing(tmp_path, name):
    values = {"results_dir": "r", "experiment_id": "e", "iterations": 1, "seed": 1}
    values |= {"batch_size": 8, "learning_rate": 0.1}
    del values[name]
    lines = ["defaults: [_autrainer_, _self_]", *(f"{key}: {v}" for key, v in values.items())]
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("\n".join(lines))
    with pytest.raises(CommandLineError, match=f"^{name} is missing, .* command line: {name}="):
        cli.fetch()
