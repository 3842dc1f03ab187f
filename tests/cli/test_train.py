"""`autrainer train`: what is refused, what is skipped, and the table at the end."""

from pathlib import Path

import pytest
import yaml

from autrainer.cli.main import run
from autrainer.cli.results import RunResult
from autrainer.cli.sweep_table import sweep_table
from autrainer.config.hydra.outcomes import Outcome
from autrainer.runs.layout import RESUME
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.record.configuration import tracking_metric
from autrainer.runs.state.sealed import write_sealed
from autrainer.runs.status import Status
from autrainer.runs.yaml.writing import write_yaml


def finished(directory, *, metric="accuracy", path="autrainer.metrics.Accuracy", best=0.75):
    for folder in (".hydra", "_best", "_test"):
        (directory / folder).mkdir(parents=True)
    config = {"dataset": {"metrics": ["x.Other", {path: None}], "tracking_metric": path}}
    dev = {"other": {"all": 0.1}, metric: {"all": best}, "dev_loss": {"all": 1.0}, "iteration": 3}
    test = {"other": {"all": 0.2}, metric: {"all": 0.5}, "loss": {"all": 1.0}}
    timer = {"train": {"total_seconds": 3661.0}, "dev": {"total_seconds": 0.9}}
    for name, content in {
        ".hydra/config.yaml": config,
        "_best/dev.yaml": dev,
        "_best/best_results.yaml": {"best_iteration": 3},
        "_test/test_holistic.yaml": test,
        "timer.yaml": timer,
    }.items():
        (directory / name).write_text(yaml.safe_dump(content, sort_keys=False))
    return directory


def test_the_table_shows_each_run_with_its_numbers(tmp_path):
    lines = sweep_table(
        [
            Outcome((), finished(tmp_path / "run_1"), "done"),
            Outcome((), finished(tmp_path / "run_2", best=0.5), "finished before"),
            Outcome((), tmp_path / "run_3", "failed", error=ValueError("x")),
        ]
    )
    table = [line.split("  ") for line in lines[1:5]]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in table]
    assert cells == [
        ["run", "state", "best", "accuracy dev", "accuracy test", "time"],
        ["run_1", "trained", "3", "0.7500", "0.5000", "1:01:02"],
        ["run_2", "skipped: finished before", "3", "0.5000", "0.5000", "1:01:02"],
        ["run_3", "failed"],
    ]
    assert f"Runs:    {tmp_path}/<run>" in lines
    assert any("_plots" in line for line in lines)
    assert any("_best" in line and "_test" in line for line in lines)


def test_a_sweep_that_was_stopped_tells_what_was_interrupted_and_what_waits(tmp_path):
    outcomes = [
        Outcome((), finished(tmp_path / "run_1"), "done"),
        Outcome((), tmp_path / "run_2", "interrupted"),
        *(Outcome((), tmp_path / f"run_{number}", "waiting") for number in (3, 4)),
    ]
    lines = sweep_table(outcomes)
    assert [line.split()[0] for line in lines[2:4]] == ["run_1", "run_2"]
    assert "interrupted" in lines[3]
    assert lines[4] == "2 more runs have not begun"
    assert sweep_table(outcomes[2:]) == []


def test_runs_that_a_callback_has_ended_are_shown_as_stopped(tmp_path):
    outcomes = [
        Outcome((), finished(tmp_path / "run_1"), "done"),
        Outcome((), finished(tmp_path / "run_2"), "finished before"),
    ]
    for outcome in outcomes:
        Status(outcome.directory).finish("0123", (3, "enough"))
    lines = sweep_table(outcomes)
    assert [line.split("  ")[1] for line in lines[2:4]] == ["stopped", "skipped: stopped before"]
    assert "0.7500" in lines[2]
    assert lines[-1] == "Stopped: why is in <run>/status.yaml"


def test_the_table_says_where_errors_are(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "error.txt").touch()
    lines = sweep_table([Outcome((), tmp_path / "run", "failed", error=ValueError("x"))])
    assert lines[-1] == "Errors:  <run>/error.txt"


def test_different_tracking_metrics_stand_in_the_cells(tmp_path):
    lines = sweep_table(
        [
            Outcome((), finished(tmp_path / "a"), "done"),
            Outcome(
                (), finished(tmp_path / "b", metric="mse", path="autrainer.metrics.MSE"), "done"
            ),
        ]
    )
    assert "accuracy 0.7500" in lines[2]
    assert "mse 0.7500" in lines[3]


def test_a_metric_in_the_unit_of_the_target_stands_before_the_scaled_one(tmp_path):
    scaled = finished(tmp_path / "a", metric="mae", path="autrainer.metrics.MAE", best=0.04)
    for file, value in (("_best/dev", 3.82), ("_test/test_holistic", 4.5)):
        content = {"mae_unscaled": {"all": value}}
        (scaled / f"{file}_unscaled.yaml").write_text(yaml.safe_dump(content))
    old = finished(tmp_path / "b", metric="mae", path="autrainer.metrics.MAE", best=0.05)
    lines = sweep_table([Outcome((), run, "done") for run in (scaled, old)])
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[1:4]]
    assert cells == [
        *[["run", "state", "best", *HEADINGS, "time"]],
        ["a", "trained", "3", "3.8200", "4.5000", "0.0400", "0.5000", "1:01:02"],
        ["b", "trained", "3", "0.0500", "0.5000", "1:01:02"],
    ]
    mixed = sweep_table([Outcome((), run, "done") for run in (scaled, finished(tmp_path / "c"))])
    assert "mae_unscaled 3.8200" in mixed[2]
    assert "mae 0.0400" in mixed[2]
    results = [RunResult.of(Outcome((), run, "done")) for run in (scaled, old)]
    assert [result.best_value for result in results] == [0.04, 0.05]
    assert [result.best_value_unscaled for result in results] == [3.82, None]


HEADINGS = ("mae_unscaled dev", "mae_unscaled test", "mae dev", "mae test")


def test_a_metric_with_a_unit_for_every_target_is_said_to_be_scaled(tmp_path):
    run = finished(tmp_path / "a", metric="mae", path="autrainer.metrics.MAE")
    content = {"mae_unscaled": {"age": 3.82, "height": 0.1}}
    (run / "_best" / "dev_unscaled.yaml").write_text(yaml.safe_dump(content))
    heading = sweep_table([Outcome((), run, "done")])[1]
    assert "mae (scaled) dev  mae (scaled) test" in heading


def test_a_result_gives_the_record_of_its_run(tmp_path):
    directory = finished(tmp_path / "run")
    record = RunResult.of(Outcome((), directory, "done")).record
    assert (record.name, record.best_iteration) == ("run", 3)


def test_there_is_no_table_without_runs():
    assert sweep_table([]) == []


def test_a_damaged_folder_does_not_break_the_table(tmp_path):
    directory = finished(tmp_path / "run")
    (directory / "_best" / "dev.yaml").write_text("a: [")
    (directory / "timer.yaml").unlink()
    assert "run" in sweep_table([Outcome((), directory, "done")])[2]


def test_the_tracking_metric_is_found_by_its_place():
    config = {"dataset": {"metrics": ["a.A", "b.B"], "tracking_metric": "b.B"}}
    assert tracking_metric(config, ["x", "y"]) == "y"
    assert tracking_metric(config, ["x"]) is None
    assert tracking_metric({}, []) is None


def test_the_tracking_metric_may_be_one_of_several_of_a_class():
    metrics = [{"a.A": {"beta": 1}}, {"a.A": {"beta": 2}}]
    config = {"dataset": {"metrics": metrics, "tracking_metric": {"a.A": {"beta": 2}}}}
    assert tracking_metric(config, ["x", "y"]) == "y"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["iterations=0"], "iterations is 0 (the command line); use an integer of at least 1"),
        (["seed=1,-2"], "seed is -2 (the command line)"),
        (["training_type=steps"], "training_type is 'steps' (the command line); use 'epoch'"),
        (["eval_frequency=9"], "eval_frequency is 9, more than the 5 iterations"),
        (["+eval_frequencey=2"], "eval_frequencey is no training attribute"),
        (["model=ToyFFN"], "model is 'ToyFFN', of which there is no configuration"),
        (["model.id=null"], "model.id is missing"),
    ],
)
def test_a_bad_configuration_is_refused_before_anything_is_made(arguments, message, capsys):
    assert run(["train", *arguments]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert list(Path().iterdir()) == []


def test_a_misspelt_argument_is_told_before_the_run_in_its_folder_is_another_one(capsys):
    name = "ToyTabular-C_ToyFFNN_Adam_0.001_32_epoch_5_None_None_1"
    folder = Path("results/default/training") / name
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text("iterations: 5\n")
    (folder / "metrics.csv").touch()
    assert run(["train", "+model.hiden_size=3"]) == 1
    assert capsys.readouterr().err == (
        "autrainer: model.hiden_size is no argument of autrainer.models.FFNN (the command "
        "line); did you mean 'hidden_size' or 'input_size'?\n"
    )


def test_a_class_that_is_not_there_is_told_before_a_folder_is_made(capsys):
    assert run(["train", "callbacks=[nowhere.X]"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("autrainer: callbacks[0] cannot be used (the command line); ")
    assert list(Path().iterdir()) == []


def test_a_bad_file_is_named(capsys):
    Path("conf").mkdir()
    Path("conf/config.yaml").write_text(
        "defaults: [_autrainer_, _self_]\nresults_dir: r\nexperiment_id: e\niterations: 0\n"
        "seed: 1\nbatch_size: 8\nlearning_rate: fast\n"
    )
    assert run(["train"]) == 1
    error = capsys.readouterr().err
    assert "iterations is 0 (conf/config.yaml); use" in error
    assert "learning_rate is 'fast' (conf/config.yaml); use" in error


def test_a_missing_key_is_named(capsys):
    Path("conf").mkdir()
    Path("conf/config.yaml").write_text(
        "defaults: [_autrainer_, _self_]\nresults_dir: r\nexperiment_id: e\niterations: 1\n"
    )
    assert run(["train"]) == 1
    error = capsys.readouterr().err
    assert all(f"{key} is missing" in error for key in ("seed", "batch_size", "learning_rate"))


def test_results_that_cannot_be_written_end_in_one_message(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way")
    assert run(["train", "results_dir=file"]) == 1
    error = capsys.readouterr().err
    assert "results cannot be written to file" in error
    assert "results_dir=" in error
    assert "Traceback" not in error


SMALL = (
    *("train", "device=cpu", "dataset.size=40", "iterations=1", "progress_bar=false"),
    *("results_dir=r", "experiment_id=e", "hydra.sweep.subdir=run"),
)
RUN = Path("r", "e", "training", "run")
JOB_LOG = "train_script.log"
ALONE = ("hydra.mode=RUN", f"hydra.run.dir={RUN}")


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def _trained_by_another():
    RUN.mkdir(parents=True)
    lock = RunLock(RUN)
    yield
    lock.release()


@pytest.mark.usefixtures("_trained_by_another")
def test_a_refused_command_without_a_sweep_writes_nothing_either(capsys):
    assert run([*SMALL, "seed=1", "+batch_size=8", "+learning_rate=1", *ALONE]) == 1
    assert "is being worked on" in capsys.readouterr().err
    assert [path.name for path in RUN.iterdir()] == [".lock"]


@pytest.mark.usefixtures("_trained_by_another")
def test_a_refused_command_writes_nothing_where_another_process_trains(capsys):
    Status(RUN).begin()
    before = contents(RUN)
    assert run([*SMALL, "+model.hiden_size=3"]) == 1
    assert "hidden_size" in capsys.readouterr().err
    assert run([*SMALL]) == 1
    assert "is being worked on" in capsys.readouterr().err
    assert contents(RUN) == before


def test_an_interrupted_run_of_another_configuration_is_not_marked_as_failed(capsys):
    # Any state that was kept will do; that of a real run is larger.
    write_sealed(RUN / RESUME / "state-0", {"number": 1, "rows": [], "tree": {}})
    write_yaml(RUN / ".hydra" / "config.yaml", {"iterations": 7})
    Status(RUN).stop(KeyboardInterrupt(), interrupted=True)
    before = contents(RUN)
    assert run([*SMALL]) == 1
    assert "the run in" in capsys.readouterr().err
    after = contents(RUN)
    assert {path.name for path in after.keys() - before.keys()} == {"training.log", JOB_LOG}
    assert before == {path: after[path] for path in before}
