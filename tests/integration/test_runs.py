"""The installed command, from a configuration to a run folder."""

import json
import os
import re
import subprocess

import numpy as np
import pandas as pd
import pytest
import torch

from tests.conftest import AUTRAINER
from tests.integration.conftest import SMALL, only_run, read, runs_of
from tests.runs.test_addresses import ADDRESSES

TASKS = ("ToyTabular-C", "ToyTabular-MLC", "ToyTabular-R", "ToyTabular-MTR")
STATES = ("model.pt", "optimizer.pt")
OUTPUTS = ("outputs.npy", "targets.npy", "indices.npy", "losses.npy", "results.csv")


def test_every_task_trains_by_epoch_and_by_step(autrainer, project):
    autrainer(
        "train",
        *SMALL,
        f"dataset={','.join(TASKS)}",
        "+training_type=epoch,step",
        "iterations=4",
        "eval_frequency=2",
    )
    runs = runs_of(project)
    assert len(runs) == len(TASKS) * 2
    for name, run in runs.items():
        kind = read(run / ".hydra" / "config.yaml")["training_type"]
        metrics = pd.read_csv(run / "metrics.csv")
        assert list(metrics["iteration"]) == [2, 4], name
        assert (run / f"{kind}_4" / "dev_results.csv").is_file()
        assert (run / "_test" / "test_holistic.yaml").is_file()


@pytest.fixture(scope="session")
def default_run(made_once):
    """The default experiment, as a newcomer runs it."""

    def train(folder):
        command = [str(AUTRAINER), "train", "device=cpu"]
        environment = {key: os.environ[key] for key in os.environ if key != "OMP_NUM_THREADS"}
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)

    return only_run(made_once("default", train))


def test_the_run_folder_is_named_after_what_was_trained(default_run):
    assert default_run.name == "ToyTabular-C_ToyFFNN_Adam_0.001_32_epoch_5_None_None_1"


@pytest.mark.parametrize(
    "path",
    [
        *(".hydra/config.yaml", "training.log", "hardware.yaml", "requirements.txt"),
        *("model_summary.txt", "model_summary.yaml", "timer.yaml", "metrics.csv", "MANIFEST"),
        *("model.yaml", "target_transform.yaml", "inference_transform.yaml"),
        *("file_handler.yaml", "preprocess_pipeline.yaml", "preprocess_file_handler.yaml"),
        *(f"_initial/{state}" for state in STATES),
        *(f"_best/{state}" for state in STATES),
        *(f"epoch_5/{state}" for state in STATES),
        *("_best/dev.yaml", "_best/best_results.yaml", "epoch_1/dev.yaml"),
        "_test/test_holistic.yaml",
        *(f"epoch_3/train_{name}" for name in OUTPUTS),
        *(f"epoch_3/dev_{name}" for name in OUTPUTS),
        *(f"_best/dev_{name}" for name in OUTPUTS),
        *(f"_test/test_{name}" for name in OUTPUTS),
        *(f"_plots/{name}.png" for name in ("loss", "accuracy", "uar", "f1")),
    ],
)
def test_a_run_leaves(default_run, path):
    assert (default_run / path).stat().st_size > 0


def test_objects_are_named_by_addresses_that_stay(default_run):
    texts = [path.read_text() for path in default_run.glob("*.yaml")]
    keys = {key for text in texts for key in re.findall(r"\$([\w.]+)", text)}
    assert keys
    assert keys <= ADDRESSES


def test_nothing_half_written_is_left(default_run):
    assert [path for path in default_run.rglob(".*") if path.name != ".hydra"] == []


def test_the_table_of_metrics_has_the_columns_that_scripts_expect(default_run):
    header = (default_run / "metrics.csv").read_text().splitlines()[0]
    assert header == "accuracy,uar,f1,train_loss,dev_loss,iteration"


def test_results_name_every_class_with_its_probability(default_run):
    results = pd.read_csv(default_run / "_test" / "test_results.csv")
    classes = [f"probability_class_{n}" for n in (1, 10, 2, 3, 4, 5, 6, 7, 8, 9)]
    assert list(results.columns) == ["index", "predictions", "target", *classes]
    np.testing.assert_allclose(results[classes].sum(axis=1), 1, rtol=1e-5)
    best = results[classes].idxmax(axis=1).str.removeprefix("probability_")
    assert list(best) == list(results["predictions"])


def test_dev_results_have_the_shape_that_tools_read(default_run):
    dev = read(default_run / "epoch_2" / "dev.yaml")
    assert list(dev) == ["accuracy", "uar", "f1", "dev_loss", "iteration"]
    assert set(dev["accuracy"]) == {"all"}
    assert dev["iteration"] == 2
    test = read(default_run / "_test" / "test_holistic.yaml")
    assert list(test) == ["accuracy", "uar", "f1", "loss"]


def test_the_best_results_point_to_the_best_iteration(default_run):
    best = read(default_run / "_best" / "best_results.yaml")
    metrics = pd.read_csv(default_run / "metrics.csv").set_index("iteration")
    assert best["best_iteration"] == metrics["accuracy"].idxmax()
    assert best["accuracy"] == metrics["accuracy"].max()
    assert best["dev_loss_min"] == metrics["dev_loss"].min()


def test_the_log_holds_the_results(default_run):
    text = (default_run / "training.log").read_text()
    assert "Dev results at epoch 5:" in text
    assert "Best results at epoch" in text
    assert "Test results:" in text


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_the_device_warning_stands_in_the_log(autrainer, project):
    process = autrainer("train", *SMALL[1:], "device=cuda:0")
    log = (only_run(project) / "training.log").read_text()
    assert log.count("cuda:0") == 1
    assert process.stdout.count("'cuda:0'") + process.stderr.count("'cuda:0'") <= 1


def test_a_second_call_skips_what_is_finished_and_says_so(autrainer, project):
    autrainer("train", *SMALL)
    before = {path: path.stat().st_mtime_ns for path in only_run(project).rglob("*")}
    process = autrainer("train", *SMALL)
    assert "finished" in process.stdout
    assert {path: path.stat().st_mtime_ns for path in only_run(project).rglob("*")} == before


def test_outputs_can_be_switched_off_one_by_one(autrainer, project):
    for subset in ("train", "dev", "test"):
        autrainer("train", *SMALL, f"save_{subset}_outputs=false", f"experiment_id=no_{subset}")
        run = only_run(project, f"no_{subset}")
        for other in ("train", "dev", "test"):
            written = {path.name for path in run.rglob(f"{other}_*.npy")}
            assert bool(written) == (other != subset), (subset, other)


def test_two_fresh_processes_give_the_same_bytes(installed_autrainer, project):
    runs = []
    for name in ("one", "two"):
        installed_autrainer("train", *SMALL, f"experiment_id={name}")
        runs.append(only_run(project, name))
    files = [
        path.relative_to(runs[0])
        for path in sorted(runs[0].rglob("*"))
        if path.suffix in (".npy", ".csv") or path.name in ("dev.yaml", "test_holistic.yaml")
    ]
    assert len(files) > 30
    for path in files:
        assert (runs[0] / path).read_bytes() == (runs[1] / path).read_bytes(), path
    for path in sorted(runs[0].rglob("model.pt")):
        one = torch.load(path, weights_only=True)
        two = torch.load(runs[1] / path.relative_to(runs[0]), weights_only=True)
        assert all(torch.equal(one[key], two[key]) for key in one | two), path


def test_both_spellings_of_an_override_replace_the_swept_value(autrainer, project):
    autrainer("train", *SMALL, "seed=3", "+batch_size=16")
    config = read(only_run(project) / ".hydra" / "config.yaml")
    assert (config["seed"], config["batch_size"]) == (3, 16)


def test_two_seeds_in_one_number_split_training_and_data(autrainer, project):
    autrainer("train", *SMALL, "seed=1-1,1-2,2-1")
    runs = runs_of(project)
    first = {name[-3:]: torch.load(run / "_initial" / "model.pt") for name, run in runs.items()}
    targets = {name[-3:]: np.load(run / "_test" / "test_targets.npy") for name, run in runs.items()}
    key = next(iter(first["1-1"]))
    assert torch.equal(first["1-1"][key], first["1-2"][key])
    assert not torch.equal(first["1-1"][key], first["2-1"][key])
    assert np.array_equal(targets["1-1"], targets["2-1"])
    assert not np.array_equal(targets["1-1"], targets["1-2"])


def test_a_sweep_of_models_and_seeds_leaves_out_what_a_filter_excludes(autrainer, project):
    (project / "conf" / "model").mkdir()
    (project / "conf" / "model" / "Wide_FFNN.yaml").write_text(
        "id: Wide_FFNN\n_target_: autrainer.models.FFNN\ninput_size: 64\nhidden_size: 96\n"
        "transform:\n  type: tabular\n"
    )
    filters = json.dumps(
        [
            {"hydra_filter_sweeper.Exists": {"path": "metrics.csv"}},
            {"hydra_filter_sweeper.Expression": {"expr": "model.id == 'Wide_FFNN' and seed == 2"}},
        ]
    )
    (project / "conf" / "config.yaml").write_text(
        f"""
defaults:
  - _autrainer_
  - _self_
results_dir: results
experiment_id: default
iterations: 2
device: cpu
hydra:
  sweeper:
    params:
      +seed: 1, 2
      +batch_size: 32
      +learning_rate: 0.001
      dataset: ToyTabular-C
      model: ToyFFNN, Wide_FFNN
      optimizer: Adam
    filters: {filters}
"""
    )
    process = autrainer("train", "dataset.size=120")
    configs = [read(run / ".hydra" / "config.yaml") for run in runs_of(project).values()]
    trained = {(config["model"]["id"], config["seed"]) for config in configs}
    assert trained == {("ToyFFNN", 1), ("ToyFFNN", 2), ("Wide_FFNN", 1)}
    assert "Wide_FFNN" in process.stdout
