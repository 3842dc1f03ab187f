"""What loggers have logged when a run that was interrupted has ended: everything, once."""

import json
from pathlib import Path

import pytest

from tests.training.conftest import built, trained

PARTS = "tests.training.parts"
POINTS = [
    ("cb_on_train_begin", None),
    ("cb_on_iteration_begin", 1),
    ("cb_on_dev_end", 1),
    ("cb_on_iteration_end", 1),
    ("cb_on_loader_exhausted", 1),
    ("cb_on_iteration_begin", 2),
    ("cb_on_iteration_end", 2),
    ("cb_on_loader_exhausted", 3),
    ("cb_on_test_begin", None),
    ("cb_on_test_end", None),
]
"""Where a run of three epochs is interrupted; loggers hear of each before the interruption."""
SOME = [POINTS[3], POINTS[5], POINTS[9]]
"""Who logs through a library is interrupted there alone: all loggers are told by the same calls."""


def interrupted_and_gone_on(folder, logger, event, iteration):
    """A run with this logger that was interrupted once, and the next attempt, which has ended."""
    Path("armed").touch()
    changes = {
        "loggers": [logger],
        "callbacks": [{f"{PARTS}.Interrupting": {"event": event, "iteration": iteration}}],
    }
    first = built(folder, "iterations=3", **changes)
    with pytest.raises(KeyboardInterrupt):
        first.train()
    return trained(folder, "iterations=3", **changes)


@pytest.mark.parametrize(("event", "iteration"), POINTS)
def test_a_logger_that_knows_nothing_of_interruptions_logs_everything_once(
    tmp_path, event, iteration
):
    trained(tmp_path, "iterations=3", name="other", loggers=[f"{PARTS}.Journal"])
    uninterrupted = Path("journal.jsonl").read_text().splitlines()
    Path("journal.jsonl").unlink()
    trainer = interrupted_and_gone_on(tmp_path, f"{PARTS}.Journal", event, iteration)
    entries = [json.loads(line) for line in Path("journal.jsonl").read_text().splitlines()]
    assert entries == [json.loads(line) for line in uninterrupted]
    assert not (trainer.output_directory / "_resume").exists()


def lines_of(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(isinstance(line.pop("time"), float) for line in lines)
    return [line for line in lines if line["event"] not in ("timers", "artifact")]


@pytest.mark.parametrize(("event", "iteration"), POINTS)
def test_lines_of_json_hold_everything_once(tmp_path, event, iteration):
    logger = "autrainer.loggers.JSONLinesLogger"
    whole = trained(tmp_path / "whole", "iterations=3", name="whole", loggers=[logger])
    trainer = interrupted_and_gone_on(tmp_path, logger, event, iteration)
    lines = lines_of(tmp_path / "logs" / "experiment" / "run.jsonl")
    events = [line["event"] for line in lines]
    assert events == ["params", *["best", "metrics"] * 3, "test"]
    uninterrupted = lines_of(tmp_path / "logs" / "experiment" / "whole.jsonl")
    # What is written of the configuration differs in the callback that interrupts.
    assert lines[1:] == uninterrupted[1:]
    assert lines[6]["metrics"]["accuracy"] == trainer.metrics["accuracy"][3]
    assert whole.metrics.equals(trainer.metrics)


@pytest.mark.parametrize(("event", "iteration"), SOME)
def test_tensorboard_shows_everything_once(tmp_path, event, iteration):
    from tensorboard.backend.event_processing import event_accumulator as accumulator

    interrupted_and_gone_on(tmp_path, "autrainer.loggers.TensorBoardLogger", event, iteration)
    events = accumulator.EventAccumulator(str(tmp_path / "runs" / "experiment" / "run"))
    events.Reload()
    assert [scalar.step for scalar in events.Scalars("dev_loss")] == [1, 2, 3]
    assert len(events.Scalars("test_loss")) == 1
    assert len(events.Tensors("seed/text_summary")) == 1


@pytest.mark.parametrize(("event", "iteration"), SOME)
def test_the_last_run_of_mlflow_has_everything_once(tmp_path, event, iteration, monkeypatch):
    for variable in ("MLFLOW_ALLOW_FILE_STORE", "_RJEM_MALLOC_CONF"):
        monkeypatch.setenv(variable, "true")  # and is taken back: MLflow sets them for good
    import mlflow

    interrupted_and_gone_on(tmp_path, "autrainer.loggers.MLFlowLogger", event, iteration)
    client = mlflow.MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("experiment")
    run, *_ = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "dev_loss")
    assert [metric.step for metric in history] == [1, 2, 3]
    assert len(client.get_metric_history(run.info.run_id, "test_loss")) == 1
    assert run.info.status == "FINISHED"
