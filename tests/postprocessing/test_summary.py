"""One table over the runs of an experiment."""

import csv
import os

import pytest
import yaml

from autrainer.errors import DataError
from autrainer.postprocessing import SummarizeGrid
from tests.run_folders import PLOTTING, write_csv, write_run, write_yaml

NAME = "Toy-C_FFNN_Adam_0.001_32_epoch_3_None_None"


@pytest.fixture
def results(tmp_path):
    for seed in (1, 2, 3):
        write_run(tmp_path / "results" / "default" / "training", seed=seed)
    return tmp_path / "results"


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_metrics_are_those_of_the_best_iteration_in_the_columns_of_0_10(results):
    SummarizeGrid(results, "default").summarize()
    rows = table(results / "default" / "summary" / "metrics.csv")
    assert list(rows[0]) == [
        *("run_name", "accuracy", "mse", "train_loss", "dev_loss", "best_iteration"),
        *("test_accuracy", "test_mse", "test_loss"),
    ]
    assert [row["run_name"] for row in rows] == [f"{NAME}_{seed}" for seed in (1, 2, 3)]
    assert float(rows[1]["train_loss"]) == 0.5
    assert (rows[1]["best_iteration"], float(rows[1]["accuracy"])) == ("2", 0.52)


def test_parameters_and_times_are_in_the_columns_of_0_10(results):
    SummarizeGrid(results, "default").summarize()
    row = table(results / "default" / "summary" / "config.csv")[0]
    assert list(row) == [
        *("run_name", "batch_size", "dataset", "dataset._target_", "dataset.criterion"),
        *("dataset.tracking_metric", "device", "eval_frequency", "inference_batch_size"),
        *("iterations", "learning_rate", "model", "model._target_", "model.hidden_size"),
        *("optimizer", "optimizer._target_", "reproducible", "seed"),
        *("time_train_mean", "time_dev_mean", "time_test_mean"),
    ]
    assert (row["model"], row["reproducible"], row["time_train_mean"]) == (
        "FFNN",
        "True",
        "0:00:01",
    )


def test_the_best_run_of_each_column_follows_what_is_better_there(results):
    SummarizeGrid(results, "default").summarize()
    best = yaml.safe_load((results / "default" / "summary" / "best_runs.yaml").read_text())
    assert best["accuracy"] == best["test_accuracy"] == f"{NAME}_3"
    assert best["mse"] == best["dev_loss"] == best["test_loss"] == f"{NAME}_1"
    assert best.keys().isdisjoint({"run_name", "best_iteration"})


def test_after_one_iteration_the_class_of_a_metric_tells_what_is_better(tmp_path):
    for seed in (1, 2):
        write_run(tmp_path / "default" / "training", seed=seed, iterations=1)
    grid = SummarizeGrid(tmp_path, "default")
    assert grid.best_runs["mse"].endswith("_1")
    assert grid.best_runs["accuracy"].endswith("_2")


def test_a_metric_of_which_nobody_knows_what_is_better_is_taken_as_rising(tmp_path, caplog):
    metrics = ["nowhere.Lost", "autrainer.metrics.MSE"]
    tracking = {"dataset__metrics": metrics, "dataset__tracking_metric": "nowhere.Lost"}
    for seed in (1, 2):
        write_run(tmp_path / "default" / "training", seed=seed, iterations=1, **tracking)
    assert SummarizeGrid(tmp_path, "default").best_runs["accuracy"].endswith("_2")
    assert "whether more or less of accuracy is better is not known" in caplog.text


def test_unfinished_damaged_and_foreign_folders_are_left_out_and_named(results):
    training = results / "default" / "training"
    write_run(training, "unfinished", finished=False)
    damaged = write_run(training, "damaged")
    (damaged / "_best" / "dev.yaml").write_text("a: [")
    (write_run(training, "bare") / ".hydra" / "config.yaml").unlink()
    write_csv(write_run(training, "empty") / "metrics.csv", [{"accuracy": "", "iteration": 1}])
    (training / "empty" / "metrics.csv").write_text("accuracy,iteration\n")
    (training / "notes").mkdir()
    (training / "multirun.yaml").touch()
    grid = SummarizeGrid(results, "default")
    assert len(grid.records) == 3
    assert grid.skipped.keys() == {"unfinished", "damaged", "bare", "empty"}
    assert "dev.yaml" in grid.skipped["damaged"]


def test_old_tables_stay_where_new_ones_cannot_be_made(results):
    summary = results / "default" / "summary"
    SummarizeGrid(results, "default").summarize()
    before = (summary / "metrics.csv").read_bytes()
    for run in (results / "default" / "training").iterdir():
        (run / "metrics.csv").unlink()
    with pytest.raises(DataError, match=r"no finished run in .*default/training"):
        SummarizeGrid(results, "default")
    assert (summary / "metrics.csv").read_bytes() == before


def test_old_outputs_are_replaced_or_kept(results):
    summary = results / "default" / "summary"
    summary.mkdir()
    (summary / "mine.txt").touch()
    SummarizeGrid(results, "default", clear_old_outputs=False).summarize()
    assert (summary / "mine.txt").exists()
    SummarizeGrid(results, "default").summarize()
    assert sorted(os.listdir(summary)) == ["best_runs.yaml", "config.csv", "metrics.csv"]
    assert not list((results / "default").glob(".*"))


def test_runs_of_epochs_and_steps_are_not_summed_up_together(results):
    write_run(results / "default" / "training", "steps", training_type="step")
    with pytest.raises(DataError, match="by epoch, steps by step"):
        SummarizeGrid(results, "default")


def test_runs_with_different_metrics_give_the_union_with_empty_cells(results):
    run = write_run(results / "default" / "training", seed=4)
    rows = [{"f1": 0.5, "train_loss": 1.0, "dev_loss": 1.0, "iteration": 2}]
    write_csv(run / "metrics.csv", rows)
    write_yaml(run / "_best" / "dev.yaml", {"f1": {"all": 0.5}, "iteration": 2})
    metrics = SummarizeGrid(results, "default").metrics
    assert metrics.names[1:6] == ["accuracy", "mse", "train_loss", "dev_loss", "f1"]
    assert metrics.column("f1") == [None, None, None, 0.5]


def test_the_table_is_a_data_frame(results):
    frame = SummarizeGrid(results, "default").metrics.frame()
    assert list(frame["best_iteration"]) == [2, 2, 2]


@pytest.mark.slow
def test_curves_and_bars_are_drawn(results):
    grid = SummarizeGrid(results, "default", max_runs_plot=2, plot_params=PLOTTING)
    grid.summarize()
    grid.plot_aggregated_bars()
    grid.plot_metrics()
    plots = results / "default" / "summary" / "plots"
    names = {"accuracy.png", "mse.png", "train_loss.png", "dev_loss.png"}
    for folder in ("training_plots", "bar_plots"):
        assert set(os.listdir(plots / folder)) == names
        assert all((plots / folder / name).stat().st_size > 2000 for name in names)
