"""What loggers have logged when a run that was interrupted has ended: everything, once."""

import contextlib
import json
import os
import sqlite3
import struct
from pathlib import Path

import pytest

from tests import forked
from tests.conftest import REPOSITORY
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

    (tmp_path / "mlruns" / ".trash").mkdir(parents=True)
    (tmp_path / "mlruns" / ".trash" / "meta.yaml").touch()  # as a version before the database
    interrupted_and_gone_on(tmp_path, "autrainer.loggers.MLFlowLogger", event, iteration)
    client = mlflow.MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("experiment")
    run, *_ = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "dev_loss")
    assert [metric.step for metric in history] == [1, 2, 3]
    assert len(client.get_metric_history(run.info.run_id, "test_loss")) == 1
    assert run.info.status == "FINISHED"


INTERRUPTED = "interrupted_and_gone_on(Path.cwd(), '{}', 'cb_on_iteration_begin', 2)"


def in_a_process(call, tmp_path, **variables):
    """A call of a function of this module, in a process that the threads of a library end with."""
    program = (
        f"from pathlib import Path\nfrom tests.training import test_logging\ntest_logging.{call}\n"
    )
    environment = {**os.environ, **variables}
    process = forked.run(program, cwd=tmp_path, path=REPOSITORY, env=environment)
    assert process.returncode == 0, process.stderr
    return process


@pytest.mark.slow
def test_mlflow_has_everything_once_in_its_database(tmp_path):
    logger = "autrainer.loggers.MLFlowLogger"
    in_a_process(f"trained(Path.cwd(), 'iterations=3', loggers=[{logger!r}])", tmp_path)
    database = sqlite3.connect(tmp_path / "mlruns" / "mlflow.db")
    with contextlib.closing(database):
        losses = database.execute("select step from metrics where key = 'dev_loss' order by step")
        assert losses.fetchall() == [(1,), (2,), (3,)]
        runs = database.execute("select status, name, artifact_uri from runs").fetchall()
    ((status, name, place),) = runs
    assert (status, name) == ("FINISHED", "run")
    assert place.startswith((tmp_path / "mlruns" / "artifacts" / "experiment").as_uri())
    assert {path.name for path in tmp_path.iterdir()} == {"experiment", "mlruns"}
    assert [*tmp_path.glob("mlruns/artifacts/experiment/*/artifacts/metrics.csv")]


@pytest.mark.slow
def test_weights_and_biases_has_everything_once_without_a_key(tmp_path):
    call = INTERRUPTED.format("autrainer.loggers.WandBLogger")
    in_a_process(call, tmp_path, WANDB_API_KEY="", HOME=str(tmp_path / "home"))
    records = [record for path in tmp_path.glob("wandb/offline-run-*/*.wandb")
               for record in records_of(path)]  # fmt: skip
    steps = [record.history.step.num for record in records if record.HasField("history")]
    assert sorted(steps) == [1, 2, 3]
    assert {record.run.run_id for record in records if record.HasField("run")} != set()
    told = {item.key or ".".join(item.nested_key) for record in records
            if record.HasField("summary") for item in record.summary.update}  # fmt: skip
    assert {"best_iteration", "test_loss", "time.train.mean"} <= told


def records_of(path):
    """Records of a file of Weights & Biases: parts with a head each, in blocks of 32 KiB."""
    from wandb.proto import wandb_internal_pb2 as messages

    data, place, whole = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if (left := 2**15 - place % 2**15) < 7:
            place += left
            continue
        length, kind = struct.unpack_from("<HB", data, place + 4)
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            record = messages.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


@pytest.mark.slow
def test_trackio_has_everything_once(tmp_path):
    call = INTERRUPTED.format("autrainer.loggers.TrackioLogger")
    process = in_a_process(call, tmp_path, TRACKIO_DIR="trackio-data")
    assert "Trackio" not in process.stdout
    database = sqlite3.connect(tmp_path / "trackio-data" / "experiment.db")
    with contextlib.closing(database):
        rows = database.execute("select step, metrics from metrics order by rowid").fetchall()
    logged = [(step, json.loads(metrics)) for step, metrics in rows]
    assert [step for step, metrics in logged if "dev_loss" in metrics] == [1, 2, 3]
    assert [step for step, metrics in logged if "test_loss" in metrics] == [3]
