"""Groups of runs that differ in some parameters only, averaged."""

import json
import os

import numpy as np
import pandas as pd
import pytest
import yaml

from autrainer.errors import ConfigError, DataError
from autrainer.postprocessing import AggregateGrid
from autrainer.postprocessing.averages import mean, spread
from autrainer.postprocessing.grouping import UnknownParameterError
from autrainer.runs.record.run_record import RunRecord
from tests.run_folders import write_csv, write_run, write_yaml

BEFORE = "Toy-C_FFNN_Adam_0.001"


@pytest.fixture
def training(tmp_path):
    for batch_size in (16, 32):
        for seed in (1, 2, 4):
            write_run(tmp_path / "default" / "training", batch_size=batch_size, seed=seed)
    return tmp_path / "default" / "training"


def aggregated(training, *parameters, **options):
    grid = AggregateGrid(training.parent.parent, "default", list(parameters), **options)
    grid.aggregate()
    grid.summarize()
    return grid


def read(path):
    return yaml.safe_load(path.read_text())


def test_groups_are_named_after_what_their_runs_have_in_common(training):
    grid = aggregated(training, "seed")
    assert grid.folder == training.parent / "agg_seed"
    assert list(grid.groups) == [f"{BEFORE}_{size}_epoch_3_None_None_#" for size in (16, 32)]
    both = aggregated(training, "batch_size", "seed")
    assert both.folder.name == "agg_batch_size_seed"
    assert list(both.groups) == [f"{BEFORE}_#_epoch_3_None_None_#"]
    assert len(read(both.folder / f"{BEFORE}_#_epoch_3_None_None_#" / "runs.yaml")) == 6


def test_means_and_deviations_are_those_of_pandas(training):
    grid = aggregated(training, "seed")
    name, members = next(iter(grid.groups.items()))
    frames = pd.concat([pd.read_csv(record.folder / "metrics.csv") for record in members])
    by_iteration = frames.groupby("iteration")
    found = pd.read_csv(grid.folder / name / "metrics.csv").set_index("iteration")
    assert list(found.columns[:4]) == ["accuracy", "mse", "train_loss", "dev_loss"]
    for column in by_iteration.mean().columns:
        np.testing.assert_allclose(found[column], by_iteration.mean()[column], rtol=1e-12)
        np.testing.assert_allclose(
            found[f"{column}.std"], by_iteration.std()[column], rtol=1e-9, atol=1e-12
        )


def test_scores_of_strata_are_averaged_with_their_deviations(training):
    grid = aggregated(training, "seed")
    run = grid.folder / next(iter(grid.groups))
    dev = read(run / "_best" / "dev.yaml")
    values = [0.53, 0.54, 0.56]
    assert dev["accuracy"]["b"] == pytest.approx(np.mean(values))
    assert dev["accuracy"]["b.std"] == pytest.approx(np.std(values, ddof=1))
    assert dev["iteration"] == {"all": 2.0}
    assert read(run / "_test" / "test_holistic.yaml")["loss"].keys() == {"all", "all.std"}
    assert read(run / "timer.yaml")["train"]["total_seconds"] == 3.0


def test_the_configuration_shows_what_differs(training):
    grid = aggregated(training, "seed")
    config = read(grid.folder / next(iter(grid.groups)) / ".hydra" / "config.yaml")
    assert (config["seed"], config["batch_size"]) == ("#", 16)


def test_keys_that_only_some_runs_have_break_nothing(training):
    changes = {"model__id": "Other", "model__depth": 3, "seed": 1}
    write_run(training, batch_size=16, **changes)
    grid = aggregated(training, "model", "seed")
    config = read(grid.folder / "Toy-C_#_Adam_0.001_16_epoch_3_None_None_#/.hydra/config.yaml")
    assert (config["model"]["id"], config["model"]["depth"]) == ("#", "#")


def test_groups_are_read_like_runs_and_summed_up(training):
    grid = aggregated(training, "seed")
    record = RunRecord(grid.folder / next(iter(grid.groups)))
    assert (record.problems, record.tracking_metric) == ([], "accuracy")
    table = pd.read_csv(grid.folder / "metrics.csv")
    assert list(table["best_iteration"]) == [2, 2]
    assert table["accuracy"][0] == pytest.approx((0.51 + 0.52 + 0.54) / 3)
    assert table["test_accuracy.std"][0] == pytest.approx(np.std([0.51, 0.52, 0.54], ddof=1))
    assert "test_accuracy" in read(grid.folder / "best_runs.yaml")


def test_ids_with_underscores_and_folders_of_other_names_are_grouped_all_the_same(tmp_path):
    training = tmp_path / "default" / "training"
    for seed in (1, 2):
        write_run(training, f"folder-{seed}", model__id="my_model", seed=seed)
    grid = aggregated(training, "seed")
    assert list(grid.groups) == ["Toy-C_my_model_Adam_0.001_32_epoch_3_None_None_#"]


def test_configurations_that_lack_a_part_of_the_name_are_grouped_too(tmp_path):
    training = tmp_path / "default" / "training"
    for seed in (1, 2):
        path = write_run(training, seed=seed) / ".hydra" / "config.yaml"
        config = {key: value for key, value in read(path).items() if key != "scheduler"}
        path.write_text(yaml.safe_dump(config | {"augmentation": {"pipeline": []}}))
    grid = aggregated(training, "seed")
    assert list(grid.groups) == [f"{BEFORE}_32_epoch_3_None_None_#"]


def test_runs_that_differ_in_what_no_name_shows_are_not_averaged_together(tmp_path):
    training = tmp_path / "default" / "training"
    for seed in (1, 2):
        for size in (8, 16):
            folder = f"run-{size}-{seed}"
            write_run(training, folder, seed=seed, model__hidden_size=size)
    grid = aggregated(training, "seed")
    assert [[r.name for r in runs] for runs in grid.groups.values()] == [
        ["run-16-1", "run-16-2"],
        ["run-8-1", "run-8-2"],
    ]
    assert [name.split(",")[1] for name in grid.groups] == [
        *("model.hidden_size=16", "model.hidden_size=8")
    ]


def test_what_depends_on_the_seed_does_not_separate_runs(tmp_path):
    training = tmp_path / "default" / "training"
    for seed in (1, 2):
        write_run(training, seed=seed, augmentation__generator_seed=seed)
    assert len(aggregated(training, "seed").groups) == 1


def test_runs_of_different_length_are_averaged_over_what_all_have(tmp_path):
    training = tmp_path / "default" / "training"
    write_run(training, seed=1)
    run = write_run(training, seed=2)
    rows = pd.read_csv(run / "metrics.csv").to_dict("records")
    write_csv(run / "metrics.csv", rows[:2])
    grid = aggregated(training, "seed")
    assert list(pd.read_csv(grid.folder / grid.uneven[0] / "metrics.csv")["iteration"]) == [1, 2]


def test_different_metrics_are_refused_and_the_old_folder_stays(training):
    folder = aggregated(training, "seed").folder
    before = sorted(os.listdir(folder))
    path = next(training.iterdir()) / "metrics.csv"
    path.write_text(path.read_text().replace("mse", "mae"))
    with pytest.raises(ValueError, match="only some have mae, mse"):
        aggregated(training, "seed")
    assert sorted(os.listdir(folder)) == before


def test_misspelt_parameters_are_told_with_the_near_ones(training):
    with pytest.raises(UnknownParameterError, match="did you mean 'seed'"):
        aggregated(training, "sead")
    with pytest.raises(UnknownParameterError, match="training_type"):
        aggregated(training, "training_type")
    with pytest.raises(UnknownParameterError, match="name what to aggregate over"):
        aggregated(training)


def test_groups_can_be_given(training):
    names = sorted(path.name for path in training.iterdir())
    grid = aggregated(
        training, aggregate_name="mine", aggregated_dict={"a": names[:2], "b": names[2:]}
    )
    assert sorted(path.name for path in grid.folder.iterdir() if path.is_dir()) == ["a", "b"]
    with pytest.raises(ConfigError, match="no finished run 'none'"):
        aggregated(training, aggregate_name="mine", aggregated_dict={"a": ["none"]})


def test_an_experiment_without_finished_runs_is_told(tmp_path):
    write_run(tmp_path / "default" / "training", finished=False)
    with pytest.raises(DataError, match="no finished run"):
        AggregateGrid(tmp_path, "default", ["seed"])


def test_numbers_that_are_none_do_not_count():
    assert mean([1.0, float("nan"), 3.0]) == 2.0
    assert np.isnan(mean([float("nan")]))
    assert spread([1.0]) == spread([1.0, float("nan")]) == 0.0


@pytest.mark.slow
def test_groups_are_drawn_with_bands(training):
    grid = aggregated(training, "seed")
    grid.plot()
    assert {"loss.png", "accuracy.png", "mse.png"} == set(
        os.listdir(grid.folder / next(iter(grid.groups)) / "_plots")
    )
    assert "accuracy.png" in os.listdir(grid.folder / "plots" / "training_plots")


LOGGER = """\
import json
from autrainer.loggers import AbstractLogger


class Lines(AbstractLogger):
    def log_params(self, params):
        self.write("params", params["seed"])

    def log_metrics(self, metrics, iteration=None):
        self.write("metrics", iteration, sorted(metrics))

    def log_timers(self, timers):
        self.write("timers", timers["time.train.mean"])

    def log_artifact(self, filename, path=""):
        self.write("artifact", filename)

    def write(self, *values):
        with open("lines.jsonl", "a") as file:
            file.write(json.dumps([self.exp_name, self.run_name, *values]) + "\\n")
"""


def test_groups_are_told_to_the_loggers_of_their_runs(tmp_path, monkeypatch):
    (tmp_path / "my_lines.py").write_text(LOGGER)
    monkeypatch.syspath_prepend(str(tmp_path))
    for seed in (1, 2):
        write_run(tmp_path / "default" / "training", seed=seed, loggers=["my_lines.Lines"])
    grid = aggregated(tmp_path / "default" / "training", "seed")
    grid.log()
    assert grid.unlogged == []
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    assert {(line[0], line[1]) for line in lines} == {
        ("default.agg_seed", f"{BEFORE}_32_epoch_3_None_None_#")
    }
    assert [line[2] for line in lines if line[2] != "metrics"] == [
        *("params", "timers", "artifact", "artifact")
    ]
    assert lines[0][3] == "#"
    assert [line[3] for line in lines if line[2] == "metrics"] == [None, 1, None, 2, None, 3, None]


def test_a_logger_that_is_not_there_is_told(tmp_path):
    write_run(tmp_path / "default" / "training", loggers=["nowhere.Lines"])
    grid = aggregated(tmp_path / "default" / "training", "seed")
    grid.log()
    assert "nowhere" in grid.unlogged[0]


def test_scores_of_the_test_set_in_the_unit_of_the_target_have_deviations(training):
    values = {1: 3.0, 2: 4.0, 4: 8.0}
    for run in training.iterdir():
        seed = RunRecord(run).value("seed")
        scores = {"mse_unscaled": {"all": values[seed]}}
        write_yaml(run / "_test" / "test_holistic_unscaled.yaml", scores)
    table = pd.read_csv(aggregated(training, "seed").folder / "metrics.csv")
    np.testing.assert_allclose(table["test_mse_unscaled"], np.mean(list(values.values())))
    spreads = table["test_mse_unscaled.std"]
    np.testing.assert_allclose(spreads, np.std(list(values.values()), ddof=1))
