from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.core.structs import AbstractDataBatch, AbstractDataItem, DataBatch, DataItem
from autrainer.errors import DataError


@given(num_items=st.integers(1, 9), shape=st.lists(st.integers(1, 4), max_size=3))
def test_unstacking_a_batch_gives_the_items_back(num_items, shape):
    items = [DataItem(torch.rand(shape), torch.rand(2), index) for index in range(num_items)]

    batch = DataBatch.collate(items)

    for position, item in enumerate(items):
        assert torch.equal(batch.features[position], item.features)
        assert torch.equal(batch.target[position], item.target)
    assert batch.index.tolist() == list(range(num_items))


@pytest.mark.parametrize(
    ("target", "dtype"),
    [
        (1, torch.int64),
        (1.5, torch.float32),
        (np.zeros(3, dtype=np.int16), torch.int16),
        (torch.zeros(3, dtype=torch.uint8), torch.uint8),
    ],
)
def test_the_kind_of_a_target_decides_the_dtype_of_the_batch(target, dtype):
    batch = DataBatch.collate([DataItem(torch.zeros(2), target, index) for index in range(3)])

    assert batch.target.dtype == dtype
    assert len(batch.target) == 3


@dataclass
class PairItem(AbstractDataItem):
    length: int


@dataclass
class PairBatch(AbstractDataBatch[PairItem]):
    length: torch.Tensor

    def to(self, device, **kwargs):
        self.length = self.length.to(device, **kwargs)


def test_fields_that_an_item_adds_travel_along():
    batch = PairBatch.collate([PairItem(torch.zeros(2), 0, index, 10 + index) for index in (0, 1)])

    assert batch.length.tolist() == [10, 11]


def test_a_batch_moves_in_place_but_its_indices_stay():
    batch = DataBatch.collate([DataItem(torch.zeros(2), 0, 0)])

    assert batch.to("meta", non_blocking=True) is None
    assert batch.features.device.type == batch.target.device.type == "meta"
    assert batch.index.device.type == "cpu"


def test_items_of_different_shapes_are_refused():
    with pytest.raises(DataError):
        DataBatch.collate([DataItem(torch.zeros(2), 0, 0), DataItem(torch.zeros(3), 0, 1)])
