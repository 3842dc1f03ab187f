"""What annotations say about values, and whose are believed."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import pytest
import torch

from autrainer.config.schema.annotations import annotations_of, misfit
from autrainer.config.schema.classes import check_target
from autrainer.config.schema.targets import Target
from autrainer.datasets import ToyDataset
from tests.config.shapes import Circle, make_circle

FITS = [
    (int, 1),
    (int, 3.0),
    (float, 1),
    (float | None, None),
    (bool, 0),
    (str | dict[str, Any], {"a": 1}),
    (tuple[float, float], [0.9, 0.999]),
    (Sequence[int], [1]),
    (float | torch.Tensor, 0.1),
    (Literal["min", "max"], "min"),
    (Any, math.nan),
    (torch.nn.Module, "anything"),
]


@pytest.mark.parametrize(("annotation", "value"), FITS)
def test_values_that_may_be_right_are_taken(annotation, value):
    assert misfit(annotation, value) is None


MISFITS = [
    (int, 1.5, "an integer"),
    (int, True, "an integer"),
    (int, 10**30, "an integer"),
    (float, "fast", "a number"),
    (float, math.inf, "a finite number"),
    (float, 1e300, "a finite number"),
    (float | torch.Tensor, [0.1], "a number"),
    (bool, "no", "true or false"),
    (str, None, "a text"),
    (str | dict[str, Any], ["a"], "a mapping or a text"),
    (list[int] | int, "x", "a list or an integer"),
]


@pytest.mark.parametrize(("annotation", "value", "wanted"), MISFITS)
def test_values_that_cannot_be_right_are_told_what_is(annotation, value, wanted):
    assert misfit(annotation, value) == wanted


def test_only_annotations_of_this_package_and_of_torch_are_believed():
    assert annotations_of(ToyDataset)["size"] is int
    assert annotations_of(torch.optim.lr_scheduler.StepLR)["gamma"] is float
    assert annotations_of(Circle) == annotations_of(make_circle) == {}


def test_a_value_of_the_wrong_kind_is_a_problem_of_its_key():
    config = {"_target_": "torch.optim.lr_scheduler.StepLR", "step_size": "often"}
    target = Target.of_group("scheduler", config)
    kind = torch.optim.lr_scheduler.LRScheduler
    [problem] = check_target(target, kind, injected=("optimizer",))
    assert problem.line() == (
        "scheduler.step_size is 'often'; torch.optim.lr_scheduler.StepLR takes an integer"
    )
