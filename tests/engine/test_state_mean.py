"""The mean of states against NumPy."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.engine.state_mean import mean_of_states

DTYPES = st.sampled_from([torch.float16, torch.float32, torch.float64, torch.bfloat16])


@given(st.lists(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3), min_size=1), DTYPES)
def test_it_is_that_of_float64_cast_back(rows, dtype):
    states = [{"w": torch.tensor(row, dtype=dtype)} for row in rows]
    found = mean_of_states(states[0], iter(states[1:]))["w"]
    wide = np.stack([state["w"].double().numpy() for state in states])
    expected = torch.from_numpy(wide.mean(axis=0))
    assert found.dtype is dtype
    unit = torch.finfo(dtype).eps
    torch.testing.assert_close(found.double(), expected, rtol=unit, atol=1e-7 + unit * 1e-2)


def test_the_states_stay_as_they_are_and_what_is_no_number_is_that_of_the_first():
    first, other = (
        OrderedDict(
            weight=torch.tensor([value, 2.0 * value], dtype=torch.float64),
            phase=torch.tensor([1j * value]),
            count=torch.tensor(int(value)),
            statistic=torch.tensor(value),
            note={"of": value},
        )
        for value in (1.0, 4.0)
    )
    first._metadata = {"": {"version": 1}}
    mean = mean_of_states(first, [other], lambda name: name != "statistic")
    assert type(mean) is OrderedDict
    assert mean._metadata == first._metadata
    assert mean["weight"].tolist() == [2.5, 5.0]
    assert mean["phase"].tolist() == [2.5j]
    assert (mean["count"], mean["statistic"], mean["note"]) == (1, 1.0, {"of": 1.0})
    assert first["weight"].tolist() == [1.0, 2.0]
    assert other["weight"].tolist() == [4.0, 8.0]


def test_tied_weights_stay_one():
    tied = torch.ones(2)
    mean = mean_of_states({"a": tied, "b": tied, "c": torch.ones(2)}, [dict.fromkeys("abc", tied)])
    assert mean["a"] is mean["b"]
    assert mean["a"] is not mean["c"]


def test_states_of_two_models_are_refused():
    with pytest.raises(ValueError, match=r"weight has the shapes \[2\] and \[3\]"):
        mean_of_states({"weight": torch.ones(2)}, [{"weight": torch.ones(3)}])
    with pytest.raises(KeyError, match="weight"):
        mean_of_states({"weight": torch.ones(2)}, [{}])
