"""Memory that goes round, and never under the feet of somebody who still looks at it."""

import gc
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.data.buffers import BatchBuffers

VIEWS = {
    "the tensor": lambda tensor: tensor,
    "a view": lambda tensor: tensor[1:, 2],
    "a view of another dtype": lambda tensor: tensor.view(torch.int32),
    "a detached alias": lambda tensor: tensor.detach(),
    "its array": lambda tensor: tensor.numpy(),
    "a view of its array": lambda tensor: tensor.numpy()[:, ::2],
    "its buffer": lambda tensor: memoryview(tensor.numpy()),
    "its storage": lambda tensor: tensor.untyped_storage(),
    "a capsule": lambda tensor: tensor.__dlpack__(),
    "a tensor of its array": lambda tensor: torch.from_numpy(tensor.numpy()[1:]),
    "an array of its capsule": lambda tensor: np.from_dlpack(tensor),
    "a closure that only holds a view": lambda tensor: tensor[0].sum,
}


@pytest.mark.parametrize("view", VIEWS)
def test_memory_is_taken_again_only_once_nobody_looks_at_it(view):
    buffers = BatchBuffers(4)
    tensor = buffers.take((4, 8), torch.float32).zero_()
    address = tensor.data_ptr()
    held = VIEWS[view](tensor)
    del tensor
    other = buffers.take((4, 8), torch.float32).fill_(7)
    assert other.data_ptr() != address
    del held
    assert buffers.take((4, 8), torch.float32).data_ptr() == address


def test_reference_counts_are_not_looked_at(monkeypatch):
    # Without a GIL they tell nothing: other threads count by themselves.
    monkeypatch.delattr(sys, "getrefcount")
    buffers = BatchBuffers(2)
    address = buffers.take((4, 8), torch.float32).data_ptr()
    held = buffers.take((4, 8), torch.float32)
    assert held.data_ptr() == address
    assert buffers.take((4, 8), torch.float32).data_ptr() != address


def test_memory_that_another_thread_lets_go_of_is_free():
    buffers = BatchBuffers(1)
    held = [buffers.take((4, 8), torch.float32)]
    address = held[0].data_ptr()
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    assert buffers.take((4, 8), torch.float32).data_ptr() == address


def test_memory_that_is_held_in_a_circle_is_free_once_the_circle_is_collected():
    buffers = BatchBuffers(2)
    circle = [buffers.take((4, 8), torch.float32)]
    address = circle[0].data_ptr()
    circle.append(circle)
    del circle
    assert buffers.take((4, 8), torch.float32).data_ptr() != address
    gc.collect()
    addresses = [buffers.take((4, 8), torch.float32) for _ in range(2)]
    assert address in [tensor.data_ptr() for tensor in addresses]


def test_what_autograd_saved_is_left_alone():
    buffers = BatchBuffers(2)
    weight = torch.ones(8, requires_grad=True)
    features = buffers.take((4, 8), np.float32).fill_(3)
    loss = (features * weight).sum()
    del features
    buffers.take((4, 8), np.float32).fill_(100)
    loss.backward()
    assert weight.grad.tolist() == [12.0] * 8


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=40), st.integers(0, 4))
@settings(deadline=None)
def test_tensors_that_are_kept_never_change(steps, num):
    buffers = BatchBuffers(num)
    kept = []
    for number, (size, keeps) in enumerate(steps):
        tensor = buffers.take((size, 3), np.int64).fill_(number)
        if keeps:
            kept.append((number, tensor))
        del tensor
        assert all((tensor == filled).all() for filled, tensor in kept)


def test_a_consumer_that_keeps_one_batch_at_a_time_uses_two_pieces_of_memory():
    buffers = BatchBuffers(8)
    addresses = set()
    batch = None
    for _ in range(10):
        batch = buffers.take((16, 1024), np.float32)
        addresses.add(batch.data_ptr())
    assert len(addresses) == 2
    assert buffers.num_bytes() == 2 * batch.nbytes


def test_no_more_memory_is_kept_than_agreed():
    buffers = BatchBuffers(2)
    tensors = [buffers.take((10,), np.float64) for _ in range(5)]
    assert buffers.num_bytes() == 2 * 80
    assert len({tensor.data_ptr() for tensor in tensors}) == 5


def test_a_smaller_batch_fits_into_the_memory_of_a_larger_one_and_a_larger_one_replaces_it():
    buffers = BatchBuffers(1)
    address = buffers.take((32, 64), np.float32).data_ptr()
    smaller = buffers.take((7, 64), np.float32)
    assert smaller.data_ptr() == address
    assert smaller.shape == (7, 64)
    del smaller
    buffers.take((64, 64), np.float32)
    assert buffers.num_bytes() == 64 * 64 * 4


@pytest.mark.parametrize(
    "dtype", [torch.bfloat16, torch.float32, torch.bool, torch.complex64, np.uint8, "int16"]
)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (5, 2)])
def test_a_tensor_is_what_was_asked_for(dtype, shape):
    tensor = BatchBuffers(1).take(shape, dtype)
    expected = (
        dtype if isinstance(dtype, torch.dtype) else torch.from_numpy(np.empty(1, dtype)).dtype
    )
    assert tensor.dtype is expected
    assert tensor.shape == shape
    assert tensor.is_contiguous()


def test_tensors_begin_where_vector_instructions_like_it():
    buffers = BatchBuffers(8)
    tensors = [buffers.take((number,), np.uint8) for number in range(1, 8)]
    assert [tensor.data_ptr() % 64 for tensor in tensors] == [0] * 7


def test_threads_never_get_the_same_memory():
    buffers = BatchBuffers(4)

    def fill(number):
        tensor = buffers.take((256,), np.int64).fill_(number)
        return bool((tensor == number).all())

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(fill, range(2000)))


def test_another_process_gets_memory_of_its_own():
    buffers = BatchBuffers(3)
    buffers.take((4,), np.int64)
    copy = pickle.loads(pickle.dumps(buffers))
    assert copy.num_bytes() == 0
    assert [copy.take((4,), np.int64).shape for _ in range(2)] == [(4,), (4,)]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_pinned_memory_goes_round_too():
    buffers = BatchBuffers(2)
    tensor = buffers.take((4, 4), np.float32, pinned=True)
    assert tensor.is_pinned()
    address = tensor.data_ptr()
    del tensor
    assert not buffers.take((4, 4), np.float32).is_pinned()
    assert buffers.take((4, 4), np.float32, pinned=True).data_ptr() == address
