"""Runs that a callback ends before their last iteration."""

import numpy as np
import pandas as pd
import pytest

from autrainer.errors import RunInterruptedError
from autrainer.runs.finished import is_finished
from autrainer.runs.layout import RESUME, TABLE
from autrainer.runs.status import read_status
from tests.training.conftest import built, same_states, trained
from tests.training.parts import StopsTraining
from tests.training.resuming.test_resumption import SIZE, Stopper, StopsAt, same_files

EPOCHS = ("iterations=5",)
STEPS = ("training_type=step", "iterations=20", "eval_frequency=4")


def stopping(folder, *overrides, at, name="run", **changes):
    """A trainer, not trained yet, that is stopped at an event."""
    trainer = built(folder, *SIZE, *overrides, name=name, **changes)
    trainer.callback_manager.register(StopsTraining(*at))
    return trainer


def stopped(folder, *overrides, at, **options):
    trainer = stopping(folder, *overrides, at=at, **options)
    trainer.train()
    return trainer


@pytest.mark.parametrize(
    ("overrides", "event", "asked", "last"),
    [
        (EPOCHS, "cb_on_iteration_begin", 2, 2),
        (EPOCHS, "cb_on_step_end", 2, 2),
        (EPOCHS, "cb_on_dev_end", 2, 2),
        (EPOCHS, "cb_on_loader_exhausted", 2, 2),
        ((*EPOCHS, "eval_frequency=3"), "cb_on_step_end", 2, 2),
        ((*EPOCHS, "eval_frequency=3"), "cb_on_loader_exhausted", 1, 1),
        ((*EPOCHS, "save_frequency=3"), "cb_on_iteration_end", 2, 2),
        (EPOCHS, "cb_on_train_begin", None, 1),
        (STEPS, "cb_on_iteration_begin", 5, 5),
        (STEPS, "cb_on_step_begin", 6, 6),
        (STEPS, "cb_on_step_end", 6, 6),
        (STEPS, "cb_on_dev_end", 8, 8),
        (STEPS, "cb_on_loader_exhausted", 13, 13),
        ((*STEPS, "save_frequency=16"), "cb_on_dev_end", 8, 8),
        (STEPS, "cb_on_train_begin", None, 1),
    ],
)
def test_the_iteration_is_finished_evaluated_and_tested(tmp_path, overrides, event, asked, last):
    trainer = stopped(tmp_path, *overrides, at=(event, asked))
    run = trainer.output_directory
    assert pd.read_csv(run / TABLE)["iteration"].iloc[-1] == last
    assert (run / f"{trainer.training_type}_{last}" / "model.pt").is_file()
    assert (run / "_test" / "test_holistic.yaml").is_file()
    status = read_status(run)
    assert (status["state"], status["iteration"]) == ("stopped", last)
    assert status["reason"] == "good enough"
    assert is_finished(run)
    assert not (run / RESUME).exists()


def test_what_is_trained_until_then_is_what_a_shorter_run_trains(tmp_path):
    early = stopped(tmp_path / "early", *EPOCHS, at=("cb_on_step_end", 3))
    short = trained(tmp_path / "short", *SIZE, "iterations=3")
    assert same_states(early.model.state_dict(), short.model.state_dict())
    pd.testing.assert_frame_equal(early.metrics, short.metrics)


def test_steps_of_a_period_that_is_cut_short_are_all_kept(tmp_path):
    run = stopped(tmp_path, *STEPS, at=("cb_on_step_end", 6)).output_directory
    assert len(np.load(run / "step_6" / "train_indices.npy")) == 2 * 16


@pytest.mark.parametrize(("event", "iteration"), [("cb_on_dev_end", 5), ("cb_on_test_begin", None)])
def test_after_all_iterations_there_is_nothing_to_stop(tmp_path, event, iteration):
    run = stopped(tmp_path, *EPOCHS, at=(event, iteration)).output_directory
    status = read_status(run)
    assert status["state"] == "finished"
    assert "reason" not in status


def test_the_first_reason_counts(tmp_path):
    trainer = stopping(tmp_path, *EPOCHS, at=("cb_on_step_end", 2, "first"))
    trainer.callback_manager.register(StopsTraining("cb_on_dev_end", 2, "second"))
    trainer.train()
    assert read_status(trainer.output_directory)["reason"] == "first"


def test_a_run_without_states_to_resume_from_can_be_stopped(tmp_path):
    run = stopped(tmp_path, *EPOCHS, "resume=false", at=("cb_on_dev_end", 2)).output_directory
    assert read_status(run)["state"] == "stopped"


@pytest.mark.parametrize(
    ("overrides", "at", "interrupted"),
    [
        (EPOCHS, ("cb_on_step_begin", 2), Stopper(iteration=2, batch_idx=3)),
        (EPOCHS, ("cb_on_step_begin", 2), StopsAt("cb_on_test_begin")),
        (EPOCHS, ("cb_on_dev_end", 2), StopsAt("cb_on_test_begin")),
        ((*EPOCHS, "eval_frequency=3"), ("cb_on_step_end", 2), StopsAt("cb_on_test_begin")),
        (STEPS, ("cb_on_step_begin", 6), Stopper(iteration=6, batch_idx=1)),
        (STEPS, ("cb_on_step_begin", 6), StopsAt("cb_on_test_begin")),
        (STEPS, ("cb_on_dev_end", 8), StopsAt("cb_on_test_begin")),
    ],
)
def test_a_request_is_not_forgotten_when_the_run_is_interrupted(
    tmp_path, overrides, at, interrupted
):
    stopped(tmp_path / "whole", *overrides, at=at)
    trainer = stopping(tmp_path / "resumed", *overrides, at=at)
    trainer.callback_manager.register(interrupted)
    with pytest.raises(RunInterruptedError):
        trainer.train()
    # Nobody asks again.
    again = trained(tmp_path / "resumed", *SIZE, *overrides)
    assert again.resumption.is_resumed
    assert read_status(again.output_directory)["state"] == "stopped"
    assert same_files(tmp_path / "whole", tmp_path / "resumed")


ON = "continue_training=true"


@pytest.mark.parametrize(
    ("planned", "longer", "whole"),
    [
        (("iterations=3",), "iterations=4", ()),
        (("iterations=9",), "iterations=4", ()),
        ((*STEPS[:1], "iterations=9", STEPS[2]), "iterations=12", (STEPS[0], STEPS[2])),
    ],
    ids=["planned shorter", "planned longer", "steps"],
)
def test_a_longer_run_goes_on_from_a_stopped_one(tmp_path, planned, longer, whole):
    at = ("cb_on_dev_end", 4 if whole else 2)
    stopped(tmp_path, ON, "save_frequency=4", *planned, at=at, name="early")
    longer = (*whole, longer, "save_frequency=4")
    continued = trained(tmp_path, *SIZE, ON, *longer, name="long")
    assert continued.initial_iteration == at[1] + 1
    uninterrupted = trained(tmp_path / "whole", *SIZE, *longer)
    assert same_states(continued.model.state_dict(), uninterrupted.model.state_dict())
    pd.testing.assert_frame_equal(continued.metrics, uninterrupted.metrics)


def test_the_longest_run_is_the_one_that_has_trained_longest(tmp_path):
    stopped(tmp_path, "iterations=6", at=("cb_on_dev_end", 1), name="early")
    trained(tmp_path, *SIZE, "iterations=2", name="short")
    assert trained(tmp_path, *SIZE, ON, "iterations=7", name="long").initial_iteration == 3


def test_a_run_that_trains_no_further_than_a_stopped_one_starts_anew(tmp_path):
    stopped(tmp_path, "iterations=6", at=("cb_on_dev_end", 2), name="early")
    assert trained(tmp_path, *SIZE, ON, "iterations=2", name="long").initial_iteration == 1
