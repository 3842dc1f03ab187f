"""Buckets change the places of samples, and nothing else."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autrainer.data.samplers.batch_order import WholeOrder
from autrainer.data.samplers.buckets import BucketOrder


@st.composite
def orders(draw):
    """An order without buckets, and the same with them."""
    num = draw(st.integers(1, 300))
    lengths = np.random.default_rng(draw(st.integers(0, 99))).integers(1, 40, num)
    plain = WholeOrder(num, draw(st.integers(0, 99)), draw(st.booleans()))
    sizes = draw(st.integers(1, 12)), draw(st.integers(2, 9))
    return plain, BucketOrder(plain, lengths, *sizes, plain.seed, plain.shuffle)


def whole(order, epoch=0):
    return order.indices(epoch, 0, len(order)).tolist()


def batches_of(order, indices):
    size = order.batch_size
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def filled_up(order, indices):
    """What batches take whose samples are all as long as the longest."""
    lengths = order.lengths
    return sum(len(batch) * max(lengths[batch]) for batch in batches_of(order, indices))


@given(orders(), st.integers(0, 5))
def test_every_block_has_its_samples_and_a_last_batch_that_is_not_full_stays(pair, epoch):
    plain, order = pair
    before, after = whole(plain, epoch), whole(order, epoch)
    size, full = order.batch_size * order.num_batches, len(plain) // order.batch_size
    end = full * order.batch_size
    for start in range(0, end, size):
        stop = min(start + size, end)
        assert sorted(after[start:stop]) == sorted(before[start:stop])
    assert after[end:] == before[end:]


@given(orders(), st.integers(0, 5), st.data())
def test_any_part_of_a_pass_is_that_of_the_whole(pair, epoch, data):
    _, order = pair
    start = data.draw(st.integers(0, len(order)))
    stop = data.draw(st.integers(start, len(order)))
    part = order.indices(epoch, start, stop)
    assert part.tolist() == whole(order, epoch)[start:stop]
    part[:] = -1
    assert -1 not in whole(order, epoch)


@given(orders(), st.integers(0, 5))
def test_lengths_of_the_batches_of_a_block_do_not_overlap(pair, epoch):
    _, order = pair
    full = [batch for batch in batches_of(order, whole(order, epoch))
            if len(batch) == order.batch_size]  # fmt: skip
    for start in range(0, len(full), order.num_batches):
        block = full[start : start + order.num_batches]
        ranges = sorted((min(order.lengths[b]), max(order.lengths[b])) for b in block)
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(ranges))
        assert order.shuffle or ranges == [
            (min(order.lengths[b]), max(order.lengths[b])) for b in block
        ]


@given(orders(), st.integers(0, 5))
def test_no_more_is_filled_up_than_without(pair, epoch):
    plain, order = pair
    assert filled_up(order, whole(order, epoch)) <= filled_up(order, whole(plain, epoch))


def test_most_of_what_is_filled_up_is_saved():
    lengths = np.random.default_rng(0).integers(1, 1000, 20_000)
    plain = WholeOrder(20_000, 1, True)
    order = BucketOrder(plain, lengths, 32, 64, 1, True)
    wasted = [filled_up(order, whole(each)) - lengths.sum() for each in (plain, order)]
    assert wasted[1] < wasted[0] / 25


def shortest_of_batches(shuffle, epoch):
    lengths = np.arange(256) % 16
    order = BucketOrder(WholeOrder(256, 1, shuffle), lengths, 16, 4, 1, shuffle)
    return [min(lengths[batch]) for batch in batches_of(order, whole(order, epoch))]


def test_batches_come_in_another_order_in_every_pass():
    assert shortest_of_batches(True, 0) != shortest_of_batches(True, 1)
    assert shortest_of_batches(True, 0)[:4] != sorted(shortest_of_batches(True, 0)[:4])


def test_batches_come_from_the_shortest_on_where_nothing_is_shuffled():
    assert shortest_of_batches(False, 0) == shortest_of_batches(False, 1)
    assert shortest_of_batches(False, 0)[:4] == sorted(shortest_of_batches(False, 0)[:4])
