"""Softmax of many rows of few classes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.data.targets.softmax import FEWEST_ROWS, softmax


@pytest.mark.slow
@settings(deadline=None)
@given(
    rows=st.integers(FEWEST_ROWS, 3 * FEWEST_ROWS),
    classes=st.integers(1, 20),
    scale=st.sampled_from([1e-3, 1.0, 30.0, 1e4]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_probabilities_are_those_of_torch(rows, classes, scale, dtype):
    outputs = (torch.randn(rows, classes, dtype=torch.float64) * scale).to(dtype)
    found, expected = softmax(outputs), torch.softmax(outputs, dim=-1)
    assert found.dtype is dtype
    numbers = torch.finfo(dtype)
    torch.testing.assert_close(found, expected, rtol=4 * numbers.eps, atol=numbers.tiny)


def test_a_row_has_the_same_probabilities_wherever_it_stands():
    outputs = torch.randn(10_000, 10)
    found = softmax(outputs)
    assert torch.equal(softmax(outputs.flip(0)), found.flip(0))
    assert torch.equal(softmax(outputs[:FEWEST_ROWS]), found[:FEWEST_ROWS])


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_no_number_stays_in_its_row(value):
    outputs = torch.zeros(FEWEST_ROWS, 3)
    outputs[5, 1] = value
    found = softmax(outputs)
    assert found[5].isnan().all()
    assert (found[6:] == 1 / 3).all()


def test_gradients_go_through():
    outputs = torch.randn(FEWEST_ROWS, 3, requires_grad=True)
    assert softmax(outputs).requires_grad
