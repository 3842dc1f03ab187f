"""The order of samples, and the samplers that give it to a loader."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.data.native.shuffle import position_of, shuffled
from autrainer.data.sampler import (
    BalancedSampler,
    BlockSampler,
    EpochBatchSampler,
    EpochSampler,
    WeightedSampler,
)
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


def test_batches_of_a_hundred_million_samples_take_less_than_a_mebibyte():
    tracemalloc.start()
    sampler = EpochBatchSampler(100_000_000, 256, seed=0)
    batches = sampler.batches()
    for _ in range(200):
        next(batches)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


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


@pytest.mark.slow
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


MAKERS = [
    lambda num, **given: EpochSampler(num, seed=3, **given),
    lambda num, **given: EpochSampler(num, seed=3, shuffle=False, **given),
    lambda num, **given: WeightedSampler(np.arange(num) + 1, seed=3, **given),
    lambda num, **given: WeightedSampler(np.ones(7), num, seed=3, **given),
    lambda num, **given: BalancedSampler(np.arange(num) % 3, seed=3, **given),
    lambda num, **given: BlockSampler(num, 7, window=3, seed=3, **given),
]
samplers = pytest.mark.parametrize("make", MAKERS)


@samplers
@given(SIZES, st.integers(0, 2**64 - 1), st.data())
def test_any_part_of_a_pass_can_be_asked_for(make, num_samples, epoch, data):
    sampler = make(num_samples)
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, num_samples)] * 2)))
    sampler.set_epoch(epoch)
    whole = list(sampler)
    part = sampler.indices(epoch, start, stop)
    assert part.dtype == np.int64
    assert part.tolist() == whole[start:stop]
    assert len(sampler) == len(whole) == num_samples
    assert whole == list(make(num_samples, rank=0, world_size=1).indices(epoch, 0, num_samples))


@samplers
@given(st.integers(1, 500), st.integers(1, 9))
def test_slices_are_made_equally_long_by_padding(make, num_samples, world_size):
    whole = make(num_samples).indices(2, 0, num_samples).tolist()
    slices = [
        make(num_samples, rank=rank, world_size=world_size, pads_end=True)
        for rank in range(world_size)
    ]
    length = -(-num_samples // world_size)
    served = [index for each in slices for index in each.indices(2, 0, length).tolist()]
    assert {len(each) for each in slices} == {length}
    assert served == (whole * world_size)[: length * world_size]


@samplers
@given(st.integers(1, 500), st.integers(1, 9))
def test_slices_are_made_equally_long_by_dropping(make, num_samples, world_size):
    num_samples = max(num_samples, world_size)
    whole = make(num_samples).indices(2, 0, num_samples).tolist()
    slices = [
        make(num_samples, rank=rank, world_size=world_size, drops_end=True)
        for rank in range(world_size)
    ]
    length = num_samples // world_size
    served = [index for each in slices for index in each.indices(2, 0, length).tolist()]
    assert {len(each) for each in slices} == {length}
    assert served == whole[: length * world_size]


@samplers
def test_every_sampler_makes_batches_that_can_be_resumed(make):
    order = make(5000)
    sampler = EpochBatchSampler(None, 33, order=order)
    sampler.set_epoch(4)
    whole = list(sampler)
    assert [index for batch in whole for index in batch] == order.indices(4, 0, 5000).tolist()
    sampler.start_at(70)
    assert list(sampler) == whole[70:]
    loader = torch.utils.data.DataLoader(torch.arange(5000), batch_sampler=sampler)
    assert [batch.tolist() for batch in loader] == whole


@samplers
def test_epochs_differ_unless_nothing_is_drawn(make):
    sampler = make(1000)
    passes = [tuple(sampler.indices(epoch, 0, 1000).tolist()) for epoch in range(3)]
    assert len(set(passes)) == (1 if not getattr(sampler, "shuffle", True) else 3)


def chi_square(counts, expected):
    return (((counts - expected) ** 2) / expected).sum()


def test_samples_are_drawn_as_often_as_their_weights_say():
    weights = np.array([0.0, 1, 2, 0, 3, 4, 0])
    sampler = WeightedSampler(weights * 1e-9, 100_000, seed=1)
    drawn = sampler.indices(0, 0, 100_000)
    counts = np.bincount(drawn, minlength=7)
    assert counts[weights == 0].tolist() == [0, 0, 0]
    expected = weights / weights.sum() * 100_000
    # 3 degrees of freedom: beyond 16.3 once in a thousand seeds.
    assert chi_square(counts[weights > 0], expected[weights > 0]) < 16.3


def test_draws_that_follow_each_other_have_nothing_in_common():
    drawn = WeightedSampler(np.ones(8), 80_000, seed=2).indices(5, 0, 80_000)
    pairs = np.bincount(drawn[:-1] * 8 + drawn[1:], minlength=64)
    # 63 degrees of freedom: beyond 104 once in a thousand seeds.
    assert chi_square(pairs, len(drawn) / 64) < 104


def test_draws_never_change_between_versions():
    drawn = WeightedSampler([1, 2, 3, 4], 8, seed=0).indices(1, 0, 8).tolist()
    assert drawn == [0, 2, 3, 1, 2, 3, 3, 3]


def test_the_last_samples_without_weight_are_never_drawn():
    weights = [0.1] * 3 + [0.0] * 3
    assert set(WeightedSampler(weights, 50_000, seed=0).indices(0, 0, 50_000)) == {0, 1, 2}


@pytest.mark.parametrize("named", [False, True])
def test_classes_are_drawn_equally_often_and_their_samples_too(named):
    targets = np.repeat([0, 1, 2], [5, 20, 75])
    classes = [f"class {target}" for target in targets] if named else torch.from_numpy(targets)
    drawn = BalancedSampler(classes, 90_000, seed=4).indices(0, 0, 90_000)
    counts = np.bincount(drawn, minlength=100)
    expected = 30_000 / np.bincount(targets)[targets]
    # 2 and 99 degrees of freedom: beyond 13.8 and 149 once in a thousand seeds.
    assert chi_square(np.bincount(targets[drawn]), 30_000) < 13.8
    assert chi_square(counts, expected) < 149


@given(st.integers(1, 3000), st.integers(1, 40), st.integers(1, 9), st.integers(0, 2**64 - 1))
def test_a_window_holds_whole_blocks_and_every_sample_comes_once(num, block_size, window, epoch):
    sampler = BlockSampler(num, block_size, window=window, seed=6)
    served = sampler.indices(epoch, 0, num)
    blocks = shuffled(-(-num // block_size), seed=6, epoch=epoch)
    position = 0
    for first in range(0, len(blocks), window):
        held = [
            sample
            for block in blocks[first : first + window]
            for sample in range(block * block_size, min((block + 1) * block_size, num))
        ]
        assert sorted(served[position : position + len(held)]) == sorted(held)
        position += len(held)
    assert position == num


def test_samples_of_a_window_are_mixed():
    served = BlockSampler(64_000, 100, window=8, seed=0).indices(0, 0, 64_000)
    blocks = served.reshape(-1, 800) // 100
    neighbours = (blocks[:, 1:] == blocks[:, :-1]).mean()
    assert neighbours == pytest.approx(99 / 799, abs=0.01)
    assert len({tuple(row % 800) for row in served.reshape(-1, 800)}) == 80


@given(SIZES, st.integers(0, 2**64 - 1), st.data())
def test_the_position_of_a_sample_is_where_the_order_has_it(num_samples, seed, data):
    sample = data.draw(st.integers(0, num_samples - 1))
    position = position_of(sample, num_samples, seed=seed, epoch=1)
    order = shuffled(num_samples, seed=seed, epoch=1, start=position, stop=position + 1)
    assert order.tolist() == [sample]


def test_a_sample_that_is_not_there_has_no_position():
    with pytest.raises(DataError):
        position_of(10, 10, seed=0, epoch=0)


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
        lambda: EpochBatchSampler(None, 2),
        lambda: EpochBatchSampler(5, 2, order=EpochSampler(5, seed=0)),
        lambda: EpochSampler(5, seed=0, world_size=2, pads_end=True, drops_end=True),
        lambda: EpochSampler(5, seed=0, world_size=6, drops_end=True),
        lambda: EpochSampler(5, seed=0).indices(0, 3, 6),
        lambda: EpochSampler(5, seed=0, world_size=2).indices(0, 2, 3),
        lambda: EpochSampler(5, seed=0).indices(0, -1, 2),
        lambda: WeightedSampler([], seed=0),
        lambda: WeightedSampler([0, 0], seed=0),
        lambda: WeightedSampler([1, -1], seed=0),
        lambda: WeightedSampler([1, float("nan")], seed=0),
        lambda: WeightedSampler([1, float("inf")], seed=0),
        lambda: WeightedSampler([1e308, 1e308], seed=0),
        lambda: WeightedSampler(["much", "little"], seed=0),
        lambda: WeightedSampler([[1, 2]], seed=0),
        lambda: WeightedSampler([1, 2], 0, seed=0),
        lambda: WeightedSampler([1, 2], num_samples=3, seed=0),
        lambda: BalancedSampler([], seed=0),
        lambda: BalancedSampler([0.5, 1.5], seed=0),
        lambda: BalancedSampler([[0, 1], [1, 0]], seed=0),
        lambda: BlockSampler(0, 2, seed=0),
        lambda: BlockSampler(5, 0, seed=0),
        lambda: BlockSampler(5, 2, window=0, seed=0),
    ],
)
def test_samplers_refuse_what_they_cannot_serve(make):
    with pytest.raises(DataError):
        make()
