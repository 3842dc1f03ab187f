"""The moving average of weights against its definition."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.engine.weight_average import EMAOptions, ExponentialAverage
from autrainer.errors import ConfigError


class Net(torch.nn.Module):
    """Two layers that share weights, batch norm, and a parameter of integers."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 3, dtype=torch.float64)
        self.second = torch.nn.Linear(3, 3, dtype=torch.float64)
        self.second.weight = self.first.weight
        self.norm = torch.nn.BatchNorm1d(3, dtype=torch.float64)
        self.codes = torch.nn.Parameter(torch.arange(3), requires_grad=False)


def changed(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype))
            else:
                tensor.add_(1)


@given(
    decay=st.floats(0.01, 0.99),
    warmup=st.booleans(),
    every=st.integers(1, 3),
    buffers=st.booleans(),
    num=st.integers(0, 7),
)
def test_the_average_is_what_the_formula_says(decay, warmup, every, buffers, num):
    model = Net()
    average = ExponentialAverage(model, EMAOptions(decay, warmup, every, buffers))
    expected = {name: value.clone() for name, value in model.state_dict().items()}
    number = 0
    for update in range(1, num + 1):
        changed(model, update)
        average.after_update(model)
        if update % every:
            continue
        share = min(decay, (1 + number) / (10 + number)) if warmup else decay
        number += 1
        for name, value in model.state_dict().items():
            follows = "running" not in name or buffers
            if value.is_floating_point() and follows:
                expected[name] = share * expected[name] + (1 - share) * value
            else:
                expected[name] = value.clone()
    found = average.model.state_dict()
    assert found.keys() == model.state_dict().keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-12, atol=1e-12)


def test_the_averaged_model_is_apart_from_the_trained_one_and_shares_what_that_shares():
    model = Net()
    average = ExponentialAverage(model, EMAOptions(0.9))
    assert average.model.first.weight is average.model.second.weight
    assert average.model.first.weight is not model.first.weight
    assert not average.model.training
    assert not any(p.requires_grad for p in average.model.parameters())


def test_a_model_that_cannot_be_copied_is_told():
    model = torch.nn.Linear(2, 2)
    model.lock = (n for n in range(2))
    with pytest.raises(ConfigError, match="Linear cannot be copied: cannot pickle 'generator'"):
        ExponentialAverage(model, EMAOptions(0.9))


def test_a_model_of_another_shape_is_told():
    average = ExponentialAverage(torch.nn.Linear(2, 2), EMAOptions(0.9))
    with pytest.raises(ConfigError, match="parameters have changed since the run began"):
        average.after_update(torch.nn.Linear(2, 3))
