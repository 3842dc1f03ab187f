"""`autrainer find-learning-rate`, as a command and as a function."""

import json
import random

import numpy as np
import pytest
import torch

from autrainer import cli
from autrainer.cli.errors import CommandLineError
from autrainer.cli.text_chart import text_chart

DIGITS = ("-cn", "digits", "--steps", "40", "--from", "1e-4", "--to", "10")


def test_a_rate_is_suggested_and_nothing_else_is_left(autrainer, tmp_path):
    done = autrainer("find-learning-rate", *DIGITS, "--plot", "rates.png")
    assert "the first of 2" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert 1e-3 < float(last.removeprefix("learning_rate=")) < 1
    assert [path.name for path in tmp_path.iterdir()] == ["rates.png"]
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")


def test_data_without_anything_to_learn_suggest_nothing(autrainer, tmp_path):
    options = ("device=cpu", "dataset.size=100", "--steps", "20", "--to", "1e-4", "--json")
    done = autrainer("find-learning-rate", *options, check=False)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["suggestion"] is None
    assert len(told["rates"]) == len(told["losses"]) == len(told["smoothed"]) == 20
    assert list(tmp_path.iterdir()) == []


def test_the_function_gives_the_same_each_time_and_changes_nothing(tmp_path):
    overrides = {"device": "cpu", "dataset.size": 60, "progress_bar": False}
    torch.manual_seed(5)
    before = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())
    one, two = (cli.find_learning_rate(overrides, steps=10) for _ in range(2))
    np.testing.assert_array_equal(one.losses, two.losses)
    after = (torch.get_rng_state(), np.random.get_state()[1], random.getstate())
    assert torch.equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2] == after[2]
    assert list(tmp_path.iterdir()) == []


def test_parts_with_rates_of_their_own_keep_their_ratios(monkeypatch):
    from autrainer.training.trying import rate_search

    seen = []
    inner = rate_search._loss

    def recorded(parts, batch):
        seen.append([group["lr"] for group in parts.optimizer.param_groups])
        return inner(parts, batch)

    monkeypatch.setattr(rate_search, "_loss", recorded)
    factors = "+optimizer.learning_rate_factors={Linear1: 10}"
    overrides = ["device=cpu", "dataset.size=60", "progress_bar=false", factors]
    cli.find_learning_rate(overrides, first=1e-4, last=1e-2, steps=10)
    ratios = {round(max(rates) / min(rates), 6) for rates in seen}
    assert ratios == {10.0}
    assert min(seen[0]) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": 0.0}, "rates rise from 0.0 to 10.0; use --from above 0"),
        ({"first": 2.0, "last": 1.0}, "rates rise from 2.0 to 1.0"),
        ({"steps": 3}, "--steps is 3; use at least 10"),
        ({"plot": "rates.txt"}, "rates.txt is no file of a plot; end it with .png"),
        ({"override_kwargs": {"optimiser": "SGD"}}, "did you mean 'optimizer'"),
        ({"override_kwargs": {"model.hidden_size": -1, "device": "cpu"}}, "model"),
    ],
)
def test_what_cannot_be_is_told(options, message, tmp_path, capsys):
    with pytest.raises(CommandLineError) as caught:
        cli.find_learning_rate(**options)
    assert message in f"{caught.value}{capsys.readouterr().err}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plot", "rates.gif"], "rates.gif is no file of a plot; end it with .png"),
        (["device=gpu"], "device is 'gpu' (the command line); use 'cuda'"),
        (["model=ToyFNN"], "did you mean 'ToyFFNN'"),
    ],
)
@pytest.mark.parametrize("command", ["find-learning-rate", "find-batch-size"])
def test_a_command_that_cannot_be_carried_out_ends_in_a_sentence(
    autrainer, command, arguments, message
):
    if command == "find-batch-size" and "--plot" in arguments:
        arguments, message = ["--steps", "0"], "--steps is 0"
    done = autrainer(command, *arguments, check=False)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_chart_has_every_point_in_its_place_and_the_mark():
    lines = text_chart([1, 10, 100], [3.0, 1.0, 2.0], mark=10, width=5, height=3)
    assert lines == [
        "3 |* |",
        "  |  | *",
        "1 |  *",
        "  +-----",
        "   1.0e+00 1.0e+02",
    ]
    assert text_chart([1.0], [2.0]) == []
    assert len(text_chart([1, 2], [5.0, 5.0])) == 14
    assert text_chart([1, 2, 3], [1.0, float("nan"), 2.0], height=2)[0].startswith("2 |")
