"""Batches from lists of items and from resident tensors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autrainer.data.buffers import BatchBuffers
from autrainer.data.native import collate
from autrainer.data.native.collate import collate_fields, gather_rows
from autrainer.errors import DataError


@dataclass
class Item:
    features: Any
    target: Any = 0
    index: int = 0


@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=1, max_dims=4, min_side=0)))
def test_unstacking_a_batch_gives_the_arrays_back(array):
    if array.dtype.kind not in "biufc" or len(array) == 0 or not array.dtype.isnative:
        return
    if array.dtype in (np.longdouble, np.clongdouble):
        return
    batch = collate_fields([Item(row) for row in np.atleast_2d(array)])
    assert batch["features"].numpy().tobytes() == np.atleast_2d(array).tobytes()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool, torch.complex64])
@pytest.mark.parametrize("large", [False, True])
def test_tensors_are_stacked_as_torch_does(monkeypatch, dtype, large):
    monkeypatch.setattr(collate, "LARGE_BATCH_BYTES", 0 if large else 1 << 40)
    tensors = [torch.randn(3, 4).to(dtype).T for _ in range(5)]
    batch = collate_fields([Item(tensor) for tensor in tensors])
    assert torch.equal(batch["features"], torch.stack(tensors))
    assert batch["features"].dtype is dtype


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], torch.int64),
        ([0.5, 1], torch.float32),
        ([0.5, 1.5], torch.float32),
        ([True, False], torch.bool),
        ([np.float64(1), np.float64(2)], torch.float64),
        ([np.float32(1), np.float32(2)], torch.float32),
        ([np.int32(1), np.int32(2)], torch.int32),
        ([[0.0, 1.0], [1.0, 0.0]], torch.float32),
        ([2**62, -(2**62)], torch.int64),
    ],
)
def test_scalars_get_the_dtype_that_torch_gives_them(values, dtype):
    batch = collate_fields([{"target": value} for value in values])
    assert batch["target"].dtype is dtype
    assert torch.equal(batch["target"], torch.tensor(values))


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_large_fields_go_to_memory_that_is_used_again(monkeypatch, kind):
    monkeypatch.setattr(collate, "LARGE_BATCH_BYTES", 1 << 20)
    arrays = [np.full((500, 300), number, np.float32) for number in range(4)]
    buffers = BatchBuffers(2)
    items = [Item(kind(array), number) for number, array in enumerate(arrays)]
    batch = collate_fields(items, buffers)
    assert np.array_equal(batch["features"], np.stack(arrays))
    address = batch["features"].data_ptr()
    kept = collate_fields(items[::-1], buffers)["features"]
    assert kept.data_ptr() != address
    del batch
    assert collate_fields(items, buffers)["features"].data_ptr() == address
    assert np.array_equal(kept, np.stack(arrays[::-1]))
    assert buffers.num_bytes() == 2 * kept.nbytes


def test_small_fields_and_gradients_need_no_buffers():
    buffers = BatchBuffers(2)
    collate_fields([Item(np.zeros(3)), Item(np.zeros(3))], buffers)
    large = torch.zeros(1 << 20, requires_grad=True)
    assert large.nbytes * 2 >= collate.LARGE_BATCH_BYTES
    assert collate_fields([Item(large), Item(large)], buffers)["features"].requires_grad
    assert buffers.num_bytes() == 0


def test_extra_fields_travel_along():
    @dataclass
    class Pair(Item):
        other: Any = None

    batch = collate_fields([Pair(torch.ones(2), 1, 7, other=np.zeros(3)) for _ in range(2)])
    assert list(batch) == ["features", "target", "index", "other"]
    assert batch["index"].tolist() == [7, 7]
    assert batch["other"].shape == (2, 3)


def test_gradients_flow_through_a_batch(monkeypatch):
    monkeypatch.setattr(collate, "LARGE_BATCH_BYTES", 0)
    leaf = torch.ones(2, requires_grad=True)
    collate_fields([Item(leaf), Item(leaf)])["features"].sum().backward()
    assert leaf.grad.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([torch.ones(2), torch.ones(2), torch.ones(3)], ["'features'", "(2,)", "sample 2", "(3,)"]),
        ([np.ones(2), np.ones((2, 1))], ["'features'", "sample 1", "(2, 1)"]),
        ([torch.ones(2), torch.ones(2).double()], ["float32", "sample 1", "float64"]),
        ([np.ones(2), np.ones(2, np.float16)], ["float64", "sample 1", "float16"]),
        ([torch.ones(2), np.ones(2)], ["a tensor", "an array"]),
        ([np.ones(2), torch.ones(2)], ["a tensor", "an array"]),
        (["a", "b"], ["sample 0", "'a'", "encode"]),
        ([1, "b"], ["sample 1", "'b'", "encode"]),
        ([[1.0], [1.0, 2.0]], ["length 1", "sample 1", "length 2"]),
        ([np.array(["a"]), np.array(["b"])], ["'features'"]),
        ([1, None], ["sample 1", "NoneType"]),
    ],
)
def test_samples_that_do_not_fit_are_named(values, words):
    with pytest.raises(DataError) as caught:
        collate_fields([Item(value) for value in values])
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(DataError, match="at least one sample"):
        collate_fields([])


def test_a_missing_field_names_the_sample():
    with pytest.raises(DataError, match="'b': sample 0 of the batch has it, sample 1 does not"):
        collate_fields([{"a": 1, "b": 2}, {"a": 1}])


def test_items_without_fields_are_refused():
    with pytest.raises(DataError, match="int"):
        collate_fields([1, 2])


@given(
    st.sampled_from([np.int8, np.float16, np.float32, np.int64, np.complex128, np.bool_]),
    st.tuples(st.integers(1, 20), st.integers(0, 5), st.integers(1, 3)),
    st.data(),
)
def test_gathered_rows_are_those_that_numpy_takes(dtype, shape, data):
    source = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    rows = np.array(data.draw(st.lists(st.integers(0, shape[0] - 1))), dtype=np.int64)
    tensor = torch.from_numpy(source)
    expected = torch.from_numpy(source[rows])
    assert torch.equal(gather_rows(tensor, rows), expected)
    out = torch.empty_like(expected)
    assert gather_rows(tensor, torch.from_numpy(rows), out) is out
    assert torch.equal(out, expected)


@pytest.mark.parametrize(
    "source",
    [
        torch.arange(12).reshape(4, 3).bfloat16(),
        torch.arange(12.0).reshape(3, 4).T,
        torch.ones(4, 3, requires_grad=True),
        torch.arange(4),
    ],
)
def test_any_tensor_can_be_gathered_from(source):
    assert torch.equal(gather_rows(source, [3, 0, 3]), source[[3, 0, 3]])


@pytest.mark.parametrize("source", [torch.ones(4, 3), torch.ones(4, 3).bfloat16()])
@pytest.mark.parametrize("index", [-1, 4, 2**40])
def test_an_index_without_a_row_is_named(source, index):
    with pytest.raises(DataError, match=f"index {index} at position 1 names no row"):
        gather_rows(source, np.array([0, index]))


@pytest.mark.parametrize("width", [3, 100_000])
def test_output_of_another_shape_or_dtype_is_refused(width):
    source = torch.ones(4, width)
    with pytest.raises(DataError, match=rf"\(3, {width}\)"):
        gather_rows(source, [0, 1], torch.empty(3, width))
    with pytest.raises(DataError, match="float64"):
        gather_rows(source, [0, 1], torch.empty(2, width).double())


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("num_rows", [1, 8, 700])
def test_batches_of_any_size_hold_the_same_rows_with_any_number_of_threads(num_threads, num_rows):
    source = torch.rand(50, 25_000)
    rows = np.random.default_rng(0).integers(0, 50, num_rows)
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        assert torch.equal(gather_rows(source, rows), source[rows])
        with pytest.raises(DataError, match="index 50 at position 0"):
            gather_rows(source, np.full(num_rows, 50))
    finally:
        torch.set_num_threads(before)
