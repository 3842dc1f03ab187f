"""The functions of the extension that make batches."""

import numpy as np
import pytest

from autrainer import _core
from autrainer.errors import DataError


def test_samples_with_gaps_are_stacked():
    base = np.arange(48.0).reshape(4, 4, 3)
    for views in (base[:, ::2], base.transpose(0, 2, 1), base[::-1, ::-1]):
        out = np.empty(views.shape)
        _core.stack(list(views), out)
        assert np.array_equal(out, views)


def test_a_large_batch_equals_that_of_numpy():
    arrays = [np.random.default_rng(i).random(200_000) for i in range(8)]
    out = np.empty((8, 200_000))
    _core.stack(arrays, out)
    assert np.array_equal(out, np.stack(arrays))


def test_memory_that_is_both_read_and_written_is_refused():
    table = np.arange(12.0).reshape(4, 3)
    with pytest.raises(DataError, match="shares memory"):
        _core.stack([table[0], table[1]], table[1:3])
    with pytest.raises(DataError, match="shares memory"):
        _core.gather(table, np.array([0, 1]), table[2:])
    _core.stack([table[0], table[1]], table[2:])
    assert np.array_equal(table[2:], table[:2])


def test_memory_that_cannot_be_written_is_refused():
    frozen = np.empty((2, 3))
    frozen.flags.writeable = False
    for out in (frozen, np.empty((3, 2)).T, np.empty((2, 6))[:, ::2]):
        with pytest.raises(DataError, match="writeable and contiguous"):
            _core.stack([np.ones(3), np.ones(3)], out)
        with pytest.raises(DataError, match="writeable and contiguous"):
            _core.gather(np.ones((2, 3)), np.array([0, 1]), out)


def test_arrays_of_objects_are_refused():
    objects = np.array([None, None])
    with pytest.raises(DataError, match="object"):
        _core.stack([objects], np.empty((1, 2), object))
    with pytest.raises(DataError, match="object"):
        _core.gather(objects, np.array([0]), np.empty(1, object))


def test_byte_orders_are_told_apart():
    with pytest.raises(DataError, match="sample 1 has >f8"):
        _core.stack([np.ones(2), np.ones(2, ">f8")], np.empty((2, 2)))


def test_indices_with_gaps_and_tables_without_rows_work():
    table = np.arange(6)
    out = np.empty(3, np.int64)
    _core.gather(table, np.arange(6)[::-2], out)
    assert out.tolist() == [5, 3, 1]
    _core.gather(np.empty((0, 3)), np.empty(0, np.int64), np.empty((0, 3)))
    _core.gather(np.empty((3, 0)), np.array([2]), np.empty((1, 0)))
    with pytest.raises(DataError, match="there are 0 rows"):
        _core.gather(np.empty((0, 3)), np.array([0]), np.empty((1, 3)))
    with pytest.raises(DataError, match="array of rows"):
        _core.gather(np.array(1.0), np.array([0]), np.empty(1))


@pytest.mark.parametrize("indices", [[0], np.array([0.0]), np.array([0], np.int32), None])
def test_indices_of_another_kind_are_refused(indices):
    with pytest.raises(TypeError):
        _core.gather(np.ones((2, 3)), indices, np.empty((1, 3)))


def test_samples_that_are_no_arrays_are_refused():
    with pytest.raises(TypeError):
        _core.stack([[1.0], [2.0]], np.empty((2, 1)))
