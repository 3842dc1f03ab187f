"""The order of samples, and the samplers that give it to a loader."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.data.sampler import EpochBatchSampler, EpochSampler, shuffled
from autrainer.errors import DataError

SIZES = st.one_of(st.integers(1, 300), st.integers(1, 30_000))


@given(SIZES, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_an_order_is_a_permutation(num_samples, seed, epoch):
    order = shuffled(num_samples, seed=seed, epoch=epoch)
    assert order.dtype == np.int64
    assert np.array_equal(np.sort(order), np.arange(num_samples))


def test_parts_of_the_largest_order_cost_nothing():
    last = 2**63 - 1
    part = shuffled(last, seed=1, epoch=0, start=last - 10)
    assert len(set(part.tolist())) == 10
    assert np.array_equal(part[3:5], shuffled(last, seed=1, epoch=0, start=last - 7, stop=last - 5))


def test_the_order_never_changes_between_versions():
    assert shuffled(5, seed=0, epoch=0).tolist() == [3, 2, 0, 1, 4]
    part = shuffled(100_000, seed=42, epoch=3, stop=4)
    assert part.tolist() == [27665, 59557, 47892, 105]


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_samples": 0},
        {"num_samples": 2**63},
        {"num_samples": -1},
        {"num_samples": "5"},
        {"seed": -1},
        {"seed": 2**64},
        {"epoch": 1.5},
        {"start": 3, "stop": 2},
        {"stop": 11},
    ],
)
def test_what_lies_outside_its_range_is_refused(arguments):
    with pytest.raises(DataError):
        shuffled(**{"num_samples": 10, "seed": 0, "epoch": 0, **arguments})


@given(SIZES, st.integers(1, 9), st.booleans())
def test_ranks_share_the_samples_of_an_epoch(num_samples, world_size, shuffle):
    ranks = [
        EpochSampler(num_samples, seed=3, shuffle=shuffle, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    for rank in ranks:
        rank.set_epoch(4)
    whole = EpochSampler(num_samples, seed=3, shuffle=shuffle)
    whole.set_epoch(4)
    assert [index for rank in ranks for index in rank] == list(whole)
    assert [len(list(rank)) for rank in ranks] == [len(rank) for rank in ranks]
    assert max(map(len, ranks)) - min(map(len, ranks)) <= 1


@given(SIZES, st.integers(1, 4000), st.booleans(), st.booleans(), st.data())
def test_batches_are_slices_of_the_order(num_samples, batch_size, shuffle, drop_last, data):
    sampler = EpochBatchSampler(
        num_samples, batch_size, seed=5, shuffle=shuffle, drop_last=drop_last
    )
    sampler.set_epoch(2)
    order = shuffled(num_samples, seed=5, epoch=2) if shuffle else np.arange(num_samples)
    expected = [order[i : i + batch_size].tolist() for i in range(0, num_samples, batch_size)]
    if drop_last and len(expected[-1]) < batch_size:
        expected.pop()
    assert list(sampler) == expected
    assert [batch.tolist() for batch in sampler.batches()] == expected
    assert len(sampler) == len(expected)
    first = data.draw(st.integers(0, len(expected)))
    sampler.start_at(first)
    assert list(sampler) == expected[first:]
    assert list(sampler) == expected


def test_a_torch_loader_visits_each_sample_once():
    data = torch.arange(100)
    one_by_one = torch.utils.data.DataLoader(data, 7, sampler=EpochSampler(100, seed=1))
    sampler = EpochBatchSampler(100, 7, seed=1)
    batched = torch.utils.data.DataLoader(data, batch_sampler=sampler)
    assert len(one_by_one) == len(batched) == 15
    assert torch.equal(torch.cat(list(one_by_one)), torch.cat(list(batched)))
    first = torch.cat(list(batched))
    sampler.set_epoch(1)
    assert not torch.equal(first, torch.cat(list(batched)))
    assert sorted(first.tolist()) == data.tolist()


@pytest.mark.parametrize(
    "make",
    [
        lambda: EpochSampler(0, seed=0),
        lambda: EpochSampler(5, seed=-1),
        lambda: EpochSampler(5, seed=0, rank=2, world_size=2),
        lambda: EpochBatchSampler(5, 0, seed=0),
        lambda: EpochBatchSampler(0, 1, seed=0),
        lambda: EpochBatchSampler(5, 2, seed=0).start_at(4),
    ],
)
def test_samplers_refuse_what_they_cannot_serve(make):
    with pytest.raises(DataError):
        make()
