import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.errors import DataError
from autrainer.runs.writing.rows import Rows

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool]


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=12),
    width=st.sampled_from([(), (1,), (3,), (2, 2)]),
    dtypes=st.lists(st.sampled_from(DTYPES), min_size=12, max_size=12),
    reserved=st.integers(0, 200),
)
def test_rows_are_what_concatenating_the_batches_gives(sizes, width, dtypes, reserved):
    batches = [
        torch.randn(size, *width).to(dtype) for size, dtype in zip(sizes, dtypes, strict=False)
    ]
    rows = Rows("outputs", torch.float32)
    rows.reserve(reserved)
    for batch in batches:
        rows.append(batch)
    expected = torch.cat([torch.empty(0, *width), *batches])
    assert rows.tensor().dtype == expected.dtype
    assert torch.equal(rows.tensor(), expected)
    assert np.array_equal(rows.array(), expected.numpy())


def test_arrays_that_were_handed_out_stay_as_they_are():
    rows = Rows("outputs", torch.float32)
    rows.append(torch.ones(2, 3))
    first = rows.array()
    rows.append(torch.zeros(2000, 3))
    rows.clear()
    rows.append(torch.zeros(2, 3))
    assert np.array_equal(first, np.ones((2, 3)))


def test_integers_become_floats_when_soft_values_come():
    rows = Rows("targets", torch.int64)
    rows.append(torch.tensor([1, 2]))
    rows.append(torch.tensor([0.25]))
    assert rows.array().tolist() == [1.0, 2.0, 0.25]


def test_rows_of_another_shape_are_refused_with_both_shapes():
    rows = Rows("dev targets", torch.int64)
    rows.append(torch.zeros(4, dtype=torch.int64))
    with pytest.raises(DataError, match=r"dev targets of shape \(4, 3\).*shape \(\), these \(3,\)"):
        rows.append(torch.zeros(4, 3))


def test_a_new_pass_may_have_rows_of_another_shape():
    rows = Rows("targets", torch.int64)
    rows.append(torch.zeros(4, dtype=torch.int64))
    rows.clear()
    rows.append(torch.full((2, 3), 0.5))
    assert rows.array().shape == (2, 3)


def test_what_requires_gradients_is_kept_without_them():
    rows = Rows("losses", torch.float32)
    rows.append(torch.ones(2, requires_grad=True) * 2)
    assert rows.array().tolist() == [2.0, 2.0]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_rows_on_a_device_come_back_in_order():
    rows = Rows("outputs", torch.float32)
    batches = [torch.randn(33, 5, device="cuda") for _ in range(50)]
    for batch in batches:
        rows.append(batch)
    assert torch.equal(rows.tensor(), torch.cat(batches).cpu())
