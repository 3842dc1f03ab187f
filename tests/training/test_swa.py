"""Runs that are evaluated with the mean of the weights of their last iterations."""

import pytest
import torch

from autrainer.errors import ConfigError
from autrainer.serving.model import Serving
from tests.torture.kills import contents
from tests.training.conftest import built, same_states, state, trained
from tests.training.resuming.test_resumption import SIZE, stopped

STEPS = ("training_type=step", "iterations=12", "eval_frequency=3")


def mean_of(states):
    return {name: torch.stack([each[name] for each in states]).mean(0) for name in states[0]}


@pytest.mark.parametrize(
    ("options", "before", "averaged"),
    [
        (("iterations=6", "swa=0.5"), (1, 2, 3), (4, 5, 6)),
        (("iterations=5", "swa={last: 2}"), (1, 2, 3), (4, 5)),
        ((*STEPS, "swa={last: 3}"), (3,), (6, 9, 12)),
    ],
    ids=["by a share", "by a number", "of steps"],
)
def test_the_mean_of_the_last_weights_is_evaluated_tested_and_saved(
    tmp_path, options, before, averaged
):
    trainer = trained(tmp_path, *SIZE, *options, "save_frequency=1")
    run = trainer.output_directory

    def states(iterations, name):
        return [state(run, trainer.folder_of(each), name) for each in iterations]

    for one, other in zip(states(before, "swa.pt"), states(before, "model.pt"), strict=True):
        assert same_states(one, other)
    [found] = states(averaged[-1:], "swa.pt")
    for name, value in mean_of(states(averaged, "model.pt")).items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)
    assert same_states(trainer.average.model.state_dict(), state(run, "_best", "swa.pt"))
    served = Serving(run)
    assert same_states(served.model.state_dict(), state(run, "_best", "swa.pt"))


def test_a_stopped_run_ends_with_the_same_bytes(tmp_path):
    options = (*SIZE, "swa={last: 3}", "iterations=4")
    trained(tmp_path / "whole", *options)
    stopped(tmp_path / "stopped", *options[len(SIZE) :], at=(3, 2))
    again = built(tmp_path / "stopped", *options)
    assert again.resumption.is_resumed
    again.train()
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")


def test_a_longer_run_begins_its_own_mean(tmp_path):
    options = (*SIZE, "swa=0.5", "continue_training=true", "save_frequency=1")
    trained(tmp_path, *options, "iterations=3", name="short")
    longer = trained(tmp_path, *options, "iterations=8", name="long")
    assert longer.initial_iteration == 4
    run = longer.output_directory
    averaged = [state(run, longer.folder_of(each)) for each in (5, 6, 7, 8)]
    for name, value in mean_of(averaged).items():
        found = state(run, longer.folder_of(8), "swa.pt")[name]
        torch.testing.assert_close(found, value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("ema=0.9", "swa=0.5"), "swa is given beside ema; one average is evaluated"),
        (("swa={start: 0.5, last: 2}",), "swa has `start` and `last`; keep one of them"),
        (("swa={last: 9}", "iterations=6"), "evaluated 6 times; use at most 6"),
        (("swa=75",), "swa.start is 75; use a number between 0 and 1"),
    ],
)
def test_what_makes_no_mean_is_refused(tmp_path, options, message):
    with pytest.raises(ConfigError) as error:
        built(tmp_path, *SIZE, *options)
    assert message in str(error.value)
