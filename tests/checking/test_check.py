"""`autrainer check`: what is wrong with a sweep is told at once, and nothing is done."""

import json
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from autrainer import cli
from autrainer.checking import parts
from autrainer.checking.check import check_sweep
from autrainer.cli.commands.check import run
from autrainer.cli.errors import CommandLineError
from autrainer.config.hydra.collect import examined
from autrainer.config.hydra.compose import SweepHooks
from tests.config.conftest import finished_run

MODELS = """\
import torch
from autrainer.models import AbstractModel

class Linear(AbstractModel):
    def __init__(self, output_dim: int, input_size: int) -> None:
        super().__init__(output_dim)
        self.input_size = input_size
        self.out = torch.nn.Linear(input_size, output_dim)

    def forward(self, features):
        return self.out(features)

    def embeddings(self, features):
        return features

class Narrow(Linear):
    def forward(self, features):
        return super().forward(features)[:, :1]
"""
MODEL = "id: {id}\n_target_: my_models.{kind}\n{size}: {width}\ntransform: {{type: tabular}}\n"
DATASET = """\
id: {id}
_target_: autrainer.datasets.BaseClassificationDataset
path: data
features: [{columns}]
target_column: label
criterion: {criterion}
metrics: [autrainer.metrics.Accuracy, autrainer.metrics.UAR]
tracking_metric: {metric}
transform: {{type: tabular}}
"""
CRITERION, METRIC = "autrainer.criterions.BalancedCrossEntropyLoss", "autrainer.metrics.UAR"
MAIN = """\
defaults: [_autrainer_, _self_]
results_dir: results
experiment_id: tried
iterations: 2
{more}hydra:
  sweeper:
    params:
      +seed: 1, 2
      +batch_size: 4
      +learning_rate: 0.01
      dataset: {dataset}
      model: {model}
      optimizer: {optimizer}
"""


@pytest.fixture
def project(tmp_path):
    """A sound project of two models and a table; `write` changes it."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def model(name, kind="Linear", size="input_size", width=2):
        write(f"conf/model/{name}.yaml", MODEL.format(id=name, kind=kind, size=size, width=width))

    def dataset(name, columns="age, height", criterion=CRITERION, metric=METRIC):
        given = {"columns": columns, "criterion": criterion, "metric": metric}
        write(f"conf/dataset/{name}.yaml", DATASET.format(id=name, **given))

    def main(dataset="Table", model="Linear", optimizer="Adam", more=""):
        given = {"dataset": dataset, "model": model, "optimizer": optimizer, "more": more}
        write("conf/config.yaml", MAIN.format(**given))

    write("my_models.py", MODELS)
    for split, labels in {"train": "abab", "dev": "ab", "test": "ba"}.items():
        rows = [f"{i},{2 * i},{label}\n" for i, label in enumerate(labels)]
        write(f"data/{split}.csv", "".join(["age,height,label\n", *rows]))
    model("Linear")
    dataset("Table")
    main()
    yield namedtuple("Project", "write model dataset main")(write, model, dataset, main)
    sys.modules.pop("my_models", None)


def told(findings):
    found = {}
    for each in findings:
        place = f"{each.file}:{each.line}" if each.line else each.file
        found[place] = f"{found.get(place, '')}\n{each.text}"
    return found


def contents(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_sound_sweep_has_no_problems_and_nothing_is_written(project, tmp_path):
    before = contents(tmp_path)
    assert cli.check() == []
    assert contents(tmp_path) == before


def test_mistakes_of_every_kind_are_told_at_once(project):
    project.model("Typo", kind="Linaer")
    project.model("Argument", size="input_siez")
    project.model("Wide", width=3)
    project.dataset("Columns", columns="age, heigth")
    project.dataset("Loss", criterion=CRITERION[:-1])
    project.dataset("Tracked", metric="autrainer.metrics.F1")
    project.main(
        "Table, Columns, Loss, Tracked, Nowhere",
        "Linear, Typo, Argument, Wide",
        "Admaw",
        more="eval_freqency: 2\non_nonfinite: stop\n",
    )
    findings = cli.check(["batch_sise=3", "results_dirr=x", "seed=1"])
    expected = {
        "the command line": "did you mean 'batch_size'",
        "conf/config.yaml:5": "eval_freqency is no training attribute; did you mean",
        "conf/config.yaml:6": "on_nonfinite is 'stop'; use 'error', 'skip' or 'ignore'",
        "conf/config.yaml:13": "there is no configuration; autrainer list dataset prints all",
        "conf/config.yaml:15": "optimizer is 'Admaw', of which there is no configuration; did",
        "conf/dataset/Columns.yaml": "no column 'heigth'; did you mean 'height'?",
        "conf/dataset/Loss.yaml:6": "did you mean 'BalancedCrossEntropyLoss'",
        "conf/dataset/Tracked.yaml:8": "which is not among dataset.metrics",
        "conf/model/Typo.yaml:2": "did you mean 'Linear'?",
        "conf/model/Argument.yaml": "model.input_size is missing",
        "conf/model/Argument.yaml:3": "did you mean 'input_size'?",
        "conf/model/Wide.yaml": "does not work on samples of the dataset Table",
    }
    found = told(findings)
    assert found.keys() == expected.keys()
    assert [place for place, text in expected.items() if text not in found[place]] == []
    # One for each split.
    assert sum(each.file == "conf/dataset/Columns.yaml" for each in findings) == 3


WITHOUT_MEMORY = pytest.param(0, marks=pytest.mark.slow, id="without memory")


@pytest.mark.parametrize("large_bytes", [WITHOUT_MEMORY, pytest.param(2**40, id="with memory")])
def test_shapes_are_compared_from_the_dataset_to_the_metrics(project, monkeypatch, large_bytes):
    monkeypatch.setattr(parts, "LARGE_BYTES", large_bytes)
    project.model("Narrow", kind="Narrow")
    project.dataset("Loss", criterion="autrainer.criterions.BCEWithLogitsLoss")
    project.main("Table, Loss", "Linear, Narrow")
    found = {(each.file, each.text.partition(";")[0]) for each in cli.check()}
    assert found == {
        (
            "conf/model/Narrow.yaml",
            "model gives outputs (B, 1) for features (B, 2), and the dataset Table needs (B, 2)",
        ),
        (
            "conf/model/Narrow.yaml",
            "model gives outputs (B, 1) for features (B, 2), and the dataset Loss needs (B, 2)",
        ),
        *(pair for pair in found if pair[0] == "conf/dataset/Loss.yaml"),
    }
    assert len(found) == 3


def test_labels_and_files_are_looked_at_in_every_split(project):
    project.write("data/test.csv", "age,height,label\n1,2,c\n3,,a\n")
    cell, label = (each.text for each in cli.check())
    assert "data/test.csv: column 'height': 1 cell without a finite number" in cell
    assert "data/test.csv: column 'label': 1 sample with unknown labels: 'c' (line 2)" in label
    shutil.rmtree("data")
    assert [(each.key, each.line) for each in cli.check()] == [("dataset.path", 3)]


def test_a_problem_of_some_runs_names_the_first_of_them(project):
    project.main(optimizer="Adam, AdamW", more="scheduler: {id: None, _target_: None}\n")
    [finding] = cli.check(["learning_rate=-1,0.1"])
    assert (finding.key, finding.value, finding.num_runs) == ("learning_rate", -1, 4)
    assert (finding.file, len(finding.runs)) == ("the command line", 3)
    assert finding.runs[0] == "+seed=1 +learning_rate=-1 optimizer=Adam"


def test_runs_that_would_share_a_folder_are_told_with_the_way_out(project):
    [first, second] = cli.check(["+mine=1,2"])
    assert "would share the folder results/tried/training/Table_Linear" in first.text
    assert "they differ in mine: 1 (first), 2 (second); give them names" in second.text


def test_checkpoints_have_to_be_there_and_to_fit(project, tmp_path):
    import torch

    project.main(more="model: {model_checkpoint: state.pt, skip_last_layer: false}\n")
    assert "'state.pt', which does not exist" in cli.check()[0].text
    torch.save({"out.weight": torch.zeros(5, 2), "out.bias": torch.zeros(5)}, "state.pt")
    [finding] = cli.check()
    assert "does not fit Linear" in finding.text
    assert finding.file == "conf/config.yaml"


def test_a_disk_that_is_too_small_is_told_before_it_is_full(project, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1024))
    [finding] = cli.check()
    assert "the sweep needs about" in finding.text
    assert "1.0 KiB are free in results/tried/training" in finding.text


def test_a_library_that_is_missing_is_told_with_what_to_install(project, monkeypatch):
    for module in ("tensorboard", "torchvision"):
        for name in [each for each in sys.modules if each.split(".")[0] == module]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, module, None)
    found = cli.check(
        [
            *("dataset=ToyImage-C", "model=ResNet-18", "seed=1", "outputs_format=csv"),
            "loggers=[autrainer.loggers.TensorBoardLogger]",
        ]
    )
    assert [each.key for each in found] == ["loggers[0]", "model"]
    for finding, extra in zip(found, ("tensorboard", "torchvision"), strict=True):
        assert f"pip install 'autrainer[{extra}]'" in finding.text


def test_weights_are_not_downloaded(project, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    project.write(
        "transferred.py",
        "from autrainer.models.weights.files import weights_file\n"
        "from my_models import Linear\n"
        "class Model(Linear):\n"
        "    def __init__(self, output_dim, input_size, transfer=False):\n"
        "        super().__init__(output_dim, input_size)\n"
        "        if transfer:\n"
        "            weights_file('https://example.org/weights.pt')\n",
    )
    overrides = ["model._target_=transferred.Model", "+model.transfer=true"]
    try:
        report = check_sweep(overrides, "config")
    finally:
        del sys.modules["transferred"]
    assert report.findings == []
    assert report.notes == [
        "model Linear: https://example.org/weights.pt is not on this machine yet; autrainer fetch "
        "gets it"
    ]
    assert not (tmp_path / "hub").exists()


def test_what_runs_share_is_built_once(project):
    project.write(
        "counted.py",
        "from autrainer.datasets import BaseClassificationDataset\n"
        "from my_models import Linear\n"
        "MADE = []\n"
        "class Counted(BaseClassificationDataset):\n"
        "    def __init__(self, **kwargs):\n"
        "        MADE.append('dataset')\n"
        "        super().__init__(**kwargs)\n"
        "class Model(Linear):\n"
        "    def forward(self, features):\n"
        "        MADE.append('model')\n"
        "        return super().forward(features)\n",
    )
    made = ["dataset._target_=counted.Counted", "model._target_=counted.Model"]
    try:
        assert cli.check([*made, "seed=range(1,9)", "learning_rate=0.1,0.2"]) == []
        assert sys.modules["counted"].MADE == ["dataset", "model"]
    finally:
        del sys.modules["counted"]


def test_the_exit_code_tells_whether_something_was_found(project, autrainer, capsys):
    run(None, [])
    assert capsys.readouterr().out.startswith("nothing found in 2 runs; about ")
    found = autrainer("check", "--json", "model.input_size=5", check=False)
    assert found.returncode == 1
    report = json.loads(found.stdout)
    assert (report["num_runs"], len(report["findings"])) == (2, 1)
    assert report["findings"][0]["key"] == "model"
    misused = autrainer("check", "-cp", "conf", check=False)
    assert (misused.returncode, misused.stdout) == (2, "")
    assert "-cp is not supported" in misused.stderr


def test_wrong_usage_is_an_error_in_python_too(project):
    with pytest.raises(CommandLineError, match="-cp is not supported"):
        cli.check(["-cp", "conf"])


def test_a_finished_run_of_another_configuration_is_told(project):
    project.main(more="mine: 1\n")
    first, _ = composed_points()
    finished_run(first.directory, {**first.config, "mine": 2})
    [finding] = cli.check()
    assert "is another one; it differs in mine: 2 (there), 1 (here)" in finding.text
    finished_run(first.directory, dict(first.config))
    report = check_sweep([], "config")
    assert (report.findings, report.num_runs, report.num_finished) == ([], 2, 1)


def composed_points():
    points = []
    examined([], "config", SweepHooks(own_folders=False), points.extend)
    return points


def test_an_error_in_a_constructor_is_told_with_the_line_that_raised_it(project):
    project.write("raising.py", "def Model(**_):\n    return {}['width']\n")
    try:
        [finding] = cli.check(["model._target_=raising.Model", "seed=1"])
    finally:
        del sys.modules["raising"]
    assert finding.text == "model cannot be used: KeyError: 'width' (raising.py, line 2)"


def test_a_dataset_that_is_not_there_says_how_it_comes(project):
    [finding] = cli.check(["dataset=MandarinTones-16k", "model=SmallCNN", "seed=1"])
    assert finding.text.endswith("; autrainer fetch downloads it")


def test_features_that_are_not_there_say_how_they_are_made(project):
    Path("data/mandarin_tones").mkdir(parents=True)
    [finding] = cli.check(["dataset=MandarinTones-16k", "model=SmallCNN", "seed=1"])
    assert finding.text.endswith("; autrainer preprocess makes it")


def test_one_label_in_all_splits_is_warned_of_once_and_is_no_problem(project, capsys, caplog):
    for split in ("train", "dev", "test"):
        project.write(f"data/{split}.csv", "age,height,label\n1,2,a\n3,4,a\n")
    assert cli.check() == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    run(None, [])
    captured = capsys.readouterr()
    warning, summary = captured.out.splitlines()
    assert warning.startswith("warning: data/train.csv: all 2 rows have the label 'a' in column 'l")
    assert summary.startswith("nothing found in 2 runs")
    assert captured.err == ""
