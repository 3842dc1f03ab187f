"""A run by several processes: the same run, however many there are and whatever happens."""

import signal

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.runs.status import read_status
from tests.training.conftest import state

PARTS = "tests.training.ranks.parts"
LONE = ("batch_size=23", "iterations=3", "model.dropout=0")
"""24 training samples: the last batch has one, so some processes have none of it."""


def once(what, rank=1, iteration=2, mark="done"):
    """A callback that does something once."""
    told = {"what": what, "rank": rank, "iteration": iteration, "mark": mark}
    return {"callbacks": [{f"{PARTS}.OnAll": told}]}


def same_run(one, other, atol):
    """Compare what two runs have come to."""
    for table in ("_test/test_results.csv", "_best/dev_results.csv"):
        found, expected = pd.read_csv(one / table), pd.read_csv(other / table)
        assert list(found.columns) == list(expected.columns)
        assert found["index"].tolist() == expected["index"].tolist()
        numbers = expected.select_dtypes("number").columns
        np.testing.assert_allclose(found[numbers], expected[numbers], rtol=0, atol=atol)
    metrics = [pd.read_csv(run / "metrics.csv") for run in (one, other)]
    pd.testing.assert_frame_equal(*metrics, check_exact=False, rtol=0, atol=atol)
    last = max(path.name for path in other.glob("epoch_*"))
    indices = [np.load(run / last / "train_indices.npy") for run in (one, other)]
    assert indices[0].tolist() == indices[1].tolist()
    files = [
        f"{last}/model.pt",
        *(str(path.relative_to(other)) for path in other.glob("*/[es][mw]a.pt")),
    ]
    for file in files:
        found, expected = state(one, file, ""), state(other, file, "")
        assert found.keys() == expected.keys()
        for name, weights in expected.items():
            torch.testing.assert_close(found[name], weights, rtol=0, atol=atol)


@pytest.mark.parametrize("optimizer", ["Adam", pytest.param("SAM-SGD", marks=pytest.mark.long)])
def test_any_number_of_processes_comes_to_the_same_results(together, optimizer):
    runs = [
        together(size, *LONE, f"optimizer={optimizer}", name=f"by_{size}")["run"]
        for size in (1, 2, 3)
    ]
    for run in runs[1:]:
        same_run(run, runs[0], 1e-5)
    files = [sorted(str(path.relative_to(run)) for path in run.rglob("*")) for run in runs]
    assert files[1:] == files[:1] * 2


def test_a_run_goes_on_with_another_number_of_processes(together):
    options = ("iterations=4", "model.dropout=0", "swa={best: 2}")
    whole = together(1, *options, name="whole")["run"]

    callbacks = [
        *once("stop_launcher", 3, 2, "one")["callbacks"],
        *once("stop", 0, 3, "two")["callbacks"],
    ]
    first = together(4, *options, callbacks=callbacks)
    assert (first["stopped"], first["saved"]) == (signal.SIGTERM, True)
    assert read_status(first["run"])["state"] == "interrupted"
    second = together(1, *options, callbacks=callbacks)
    assert (second["stopped"], second["saved"]) == (signal.SIGTERM, True)
    third = together(3, *options, callbacks=callbacks)

    log = (third["run"] / "training.log").read_text()
    assert "Resuming at epoch 3" in log
    assert "processes was 4, now 1" in log
    assert "processes was 1, now 3" in log
    same_run(third["run"], whole, 1e-5)


def test_a_run_that_was_stopped_ends_with_the_same_bits_as_one_that_was_not(together):
    whole = together(2, "iterations=4", name="whole")["run"]
    stopped = together(2, "iterations=4", **once("stop_launcher", 0, 2))
    assert stopped["saved"]
    ended = together(2, "iterations=4", **once("stop_launcher", 0, 2))
    assert "value" in ended
    for name in (
        "epoch_4/model.pt",
        "epoch_4/optimizer.pt",
        "metrics.csv",
        "_test/test_results.csv",
    ):
        assert (ended["run"] / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize(
    ("what", "rank", "error", "message"),
    [
        ("kill", 1, "ProcessLostError", "rank 1 was ended by signal 9"),
        pytest.param(
            *("kill", 0, "ProcessLostError", "rank 0 was ended by signal 9"), marks=pytest.mark.long
        ),
        ("fail", 1, "ProcessFailedError", "rank 1: ValueError: the callback has failed"),
        pytest.param(
            *("fail", 0, "ProcessFailedError", "rank 0: ValueError: the callback has failed"),
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_process_that_ends_ends_the_run_and_the_same_command_goes_on(
    together, what, rank, error, message
):
    options = ("iterations=3", "resume_every=1")
    ended = together(2, *options, **once(what, rank))
    assert ended["error"] == error
    assert message in ended["message"]
    status = read_status(ended["run"])
    assert (status["state"], status["attempts"]) == ("failed", 1)
    text = (ended["run"] / "error.txt").read_text()
    assert message in text
    assert what == "kill" or f"in rank {rank}\nTraceback" in text
    again = together(2, *options, **once(what, rank))
    assert "value" in again
    assert not (again["run"] / "error.txt").exists()


@pytest.mark.long
def test_a_process_that_freezes_ends_the_run(together):
    ended = together(2, "iterations=3", silence_s=6.0, **once("freeze", 1))
    assert ended["error"] == "ProcessLostError"
    assert "rank 1 gave no sign of life" in ended["message"]
    assert "value" in together(2, "iterations=3", **once("freeze", 1))


def test_a_process_that_cannot_build_its_parts_says_why(together):
    ended = together(2, dataset___target_=f"{PARTS}.FailingInOne")
    assert "no data here" in ended["message"]
    assert "no data here" in (ended["run"] / "error.txt").read_text()


def test_callbacks_are_in_the_main_process_unless_they_say_otherwise(together, tmp_path):
    callbacks = [f"{PARTS}.Counting", f"{PARTS}.CountingOnAll"]
    together(3, callbacks=callbacks)
    assert (tmp_path / "Counting.txt").read_text() == "0\n"
    assert sorted((tmp_path / "CountingOnAll.txt").read_text()) == sorted("0\n1\n2\n")


@pytest.mark.parametrize("world_size", [pytest.param(1, marks=pytest.mark.long), 3])
def test_a_callback_of_the_main_process_stops_all_of_them_at_its_step(together, world_size):
    steps = ("training_type=step", "iterations=9", "eval_frequency=4")
    ended = together(world_size, *steps, callbacks=[{f"{PARTS}.Counting": {"stop_at": 6}}])
    status = read_status(ended["run"])
    assert (status["state"], status["iteration"], status["reason"]) == ("stopped", 6, "enough")


def test_processes_that_train_different_models_are_told(together):
    ended = together(2, **once("change", 1, 1))
    assert ended["error"] == "AutrainerError"
    assert "differs from that of rank 0" in ended["message"]


@pytest.mark.long
def test_a_run_by_several_processes_goes_on_from_a_shorter_one(together):
    together(2, "iterations=2", name="short")
    longer = together(2, "iterations=4", "continue_training=true", name="long")["run"]
    whole = together(2, "iterations=4", name="whole")["run"]
    assert "Continuing short" in (longer / "training.log").read_text()
    for name in ("epoch_4/model.pt", "epoch_4/optimizer.pt", "metrics.csv"):
        assert (longer / name).read_bytes() == (whole / name).read_bytes()


def test_a_batch_that_is_left_out_is_told_once_with_the_samples_of_all_processes(together):
    criterion = f"{PARTS}.InfiniteInOne"
    ended = together(2, "on_nonfinite=skip", "iterations=1", dataset__criterion=criterion)
    told = (ended["run"] / "training.log").read_text()
    assert told.count("Skipped epoch 1, batch 0: the loss is not finite: that of the training") == 1
    assert "(1 of 8)" in told
    assert len(np.load(ended["run"] / "epoch_1" / "train_indices.npy")) == 8


@pytest.mark.long
def test_all_processes_stop_when_the_time_is_up(together):
    ended = together(2, "iterations=100000", "max_duration=3 s")
    assert ended["stopped"] == 14
    status = read_status(ended["run"])
    assert (status["state"], status["exception"]["type"]) == ("interrupted", "RunInterruptedError")
    assert "max_duration" in status["exception"]["message"]


@pytest.mark.long
def test_a_model_that_normalises_together_comes_to_the_same_results(together):
    normed = {"id": "N", "_target_": "tests.training.parts.NormedModel"}
    options = {"model": normed | {"transform": {"type": "tabular"}}}
    given = ("sync_batchnorm=true", "iterations=3", "ema=0.5")
    runs = [together(size, *given, name=f"by_{size}", **options)["run"] for size in (1, 3)]
    same_run(runs[1], runs[0], 1e-4)
