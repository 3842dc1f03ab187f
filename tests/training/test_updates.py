"""Precision, micro batches, clipping and early stopping in whole runs, resumed bit for bit."""

import pytest
import torch

from autrainer.errors import ConfigError
from autrainer.runs.status import read_status
from tests.torture.kills import contents
from tests.training.conftest import built, num_updates_made, trained
from tests.training.resuming.test_resumption import SIZE, stopped

EPOCHS = (*SIZE,)
STEPS = (*SIZE, "training_type=step", "iterations=12", "eval_frequency=6")
LIMITS = ("micro_batch_size=3", "max_grad_norm=0.1", "max_grad_value=0.05")
BY_BATCH = ("scheduler=StepLR", "scheduler.step_frequency=batch", "scheduler.step_size=4")
MOMENTUM = ("optimizer=SAM-SGD", "optimizer.momentum=0.9")


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


@pytest.mark.parametrize(("kind", "at"), [(EPOCHS, (2, 3)), (STEPS, (9, 2))], ids=["epoch", "step"])
@pytest.mark.parametrize(
    "options",
    [
        (*LIMITS, *BY_BATCH),
        ("precision=bf16", *LIMITS, *MOMENTUM),
        ("precision=fp16", *LIMITS, *BY_BATCH),
        ("precision=fp16", *LIMITS, *MOMENTUM),
    ],
    ids=["fp32", "bf16 SAM", "fp16", "fp16 SAM"],
)
def test_a_stopped_run_ends_with_the_same_bytes(tmp_path, kind, at, options):
    overrides = [*kind[len(SIZE) :], *options]
    trained(tmp_path / "whole", *SIZE, *overrides)
    stopped(tmp_path / "stopped", *overrides, at=at)
    again = built(tmp_path / "stopped", *SIZE, *overrides)
    assert again.resumption.is_resumed
    again.train()
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")


def test_a_run_that_ran_out_of_memory_goes_on_with_smaller_micro_batches(tmp_path):
    # What dropout draws depends on the size of the parts in some versions of torch.
    still = (*SIZE, "+model.dropout=0")
    whole = trained(tmp_path / "whole", *still)
    stopped(tmp_path / "stopped", *still[len(SIZE) :], "micro_batch_size=8")
    again = built(tmp_path / "stopped", *still, "micro_batch_size=2")
    assert again.resumption.is_resumed
    again.train()
    torch.testing.assert_close(weights(again), weights(whole), rtol=1e-4, atol=1e-5)


def test_a_schedule_by_batch_steps_once_an_update_and_not_for_those_left_out(tmp_path):
    trainer = built(tmp_path, *SIZE, "precision=fp16", *BY_BATCH)
    made = num_updates_made(trainer)
    assert trainer.scheduler.last_epoch == made


def test_outputs_and_losses_of_sixteen_bits_are_kept_in_float32(tmp_path):
    trainer = trained(tmp_path, *SIZE, "precision=bf16")
    tracker = trainer.test_tracker
    assert {str(array.dtype) for array in (tracker.outputs, tracker.losses)} == {"float32"}


@pytest.mark.parametrize("kind", [EPOCHS, STEPS], ids=["epoch", "step"])
def test_a_run_without_improvement_ends_early_and_counts_as_finished(tmp_path, kind):
    # A rate this small changes nothing: no evaluation is better than the first.
    quiet = ("learning_rate=1e-12", "iterations=30", "eval_frequency=2")
    stopping = {"patience": 2, "metric": "dev_loss", "min_delta": 0.1}
    trainer = trained(tmp_path, *kind, *quiet, early_stopping=stopping)
    assert trainer.metrics.index.tolist() == [2, 4, 6]
    status = read_status(trainer.output_directory)
    assert status["state"] == "stopped"
    assert "early stopping: dev_loss" in status["reason"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("precision=fp8", "precision is 'fp8'; use 'fp32', 'bf16' or 'fp16'"),
        ("micro_batch_size=0", "micro_batch_size is 0; use an integer of at least 1"),
        ("max_grad_norm=-1", "max_grad_norm is -1; use a number above 0"),
        ("max_grad_value=true", "max_grad_value is True; use a number above 0"),
        ("early_stopping=3", "early_stopping is 3; use a mapping with patience"),
        ("early_stopping.patience=0", "early_stopping.patience is 0"),
        ("early_stopping.min_delta=0.1", "early_stopping.patience is missing"),
        ("early_stopping.patence=1", "did you mean 'patience'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(tmp_path, override, message):
    with pytest.raises(ConfigError) as caught:
        built(tmp_path, override)
    assert message in str(caught.value)


def test_a_metric_that_the_run_has_not_is_refused_before_it_trains(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'accuracy'"):
        built(tmp_path, early_stopping={"patience": 1, "metric": "acuracy"})
