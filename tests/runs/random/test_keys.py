import random
import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.runs.random.keys import (
    Draws,
    active_key,
    current_key,
    global_generators_kept,
    keyed,
    keyed_batch,
    seed_globals,
)
from autrainer.runs.random.seeds import derived_seed
from autrainer.runs.random.uniforms import uniforms

seeds = st.integers(0, 2**64 - 1)
names = st.recursive(
    st.integers() | st.none() | st.text(max_size=3),
    lambda inner: st.tuples(inner, inner),
    max_leaves=4,
)


@given(seeds)
def test_draws_are_those_of_splitmix(seed):
    draws = Draws(seed)
    state = derived_seed(seed)
    for _ in range(3):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        bits = np.array([state], np.uint64)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        assert draws.bits() == int((bits ^ (bits >> np.uint64(31)))[0])


@given(seeds, st.integers(-(10**6), 10**6), st.integers(1, 10**6))
def test_integers_lie_between_their_bounds(seed, low, span):
    draws = Draws(seed)
    assert all(low <= draws.integer(low, low + span) < low + span for _ in range(10))


@given(names, st.integers(0, 50), st.integers(0, 50))
def test_a_stretch_of_draws_is_what_they_give_one_after_the_other(name, first, length):
    draws = Draws(name)
    whole = [draws.uniform() for _ in range(first + length)]
    assert uniforms(first, first + length, name).tolist() == whole[first:]


def test_draws_are_spread_evenly():
    draws = [Draws(0, index) for index in range(20_000)]
    uniform = np.array([draw.uniform() for draw in draws])
    counts = np.bincount([draw.integer(0, 10) for draw in draws], minlength=10)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert uniform.mean() == pytest.approx(0.5, abs=0.01)
    assert uniform.var() == pytest.approx(1 / 12, abs=0.003)
    # 9 degrees of freedom: beyond 27.9 once in a thousand seeds.
    assert ((counts - 2000) ** 2 / 2000).sum() < 27.9


def test_numbers_belong_to_the_key_and_not_to_what_was_drawn_before():
    def drawn(index):
        with keyed(1, 2, index) as key:
            return [key.draws("owner", "name").bits() for _ in range(3)]

    forwards = [drawn(index) for index in range(5)]
    backwards = [drawn(index) for index in reversed(range(5))]
    assert forwards == backwards[::-1]
    assert len({bits for row in forwards for bits in row}) == 15


def test_every_part_of_a_key_counts():
    def first(seed, epoch, index, place=(), name="name"):
        with keyed(seed, epoch, index) as key:
            key.place = place
            return key.draws("owner", name).bits()

    firsts = [
        first(0, 0, 0),
        first(1, 0, 0),
        first(0, 1, 0),
        first(0, 0, 1),
        first(0, 0, 0, (0,)),
        first(0, 0, 0, (0, 0)),
        first(0, 0, 0, (), "other"),
    ]
    assert len(set(firsts)) == len(firsts)


def test_owners_of_one_name_share_nothing_and_each_goes_on_where_it_was():
    with keyed(0, 0, 0) as key:
        alternating = [key.draws(owner, "name").bits() for owner in "abab"]
    with keyed(0, 0, 0) as key:
        one_by_one = [key.draws(owner, "name").bits() for owner in "aabb"]
    assert len(set(alternating)) == 4
    assert one_by_one == [alternating[at] for at in (0, 2, 1, 3)]


def test_generator_of_draws_follows_from_the_key_alone():
    def drawn():
        with keyed(3, 1, 4) as key:
            return torch.randn(5, generator=key.draws("owner", "name").generator)

    torch.manual_seed(0)
    first = drawn()
    torch.manual_seed(1)
    assert torch.equal(first, drawn())


def test_keys_nest_and_are_gone_after_an_error():
    def fail():
        with keyed(0, 0, 2):
            assert current_key() == (0, 0, 2)
            raise KeyError

    with keyed(0, 0, 1):
        with pytest.raises(KeyError):
            fail()
        assert current_key() == (0, 0, 1)
    assert current_key() is None
    assert active_key() is None


def test_a_key_belongs_to_the_thread_that_entered_it():
    found = []
    with keyed(0, 0, 1):
        thread = threading.Thread(target=lambda: found.append(current_key()))
        thread.start()
        thread.join()
    assert found == [None]


@given(st.integers(0, 100), st.integers(0, 100))
def test_batches_have_no_key_in_common_with_samples(batch, index):
    with keyed_batch(5, 6, batch):
        key = current_key()
    assert key[:2] == (5, 6)
    assert key[2] < 0 <= index


def global_draws():
    return random.random(), np.random.random(), torch.rand(1).item()


@given(seeds)
def test_global_generators_follow_the_seed_and_are_given_back(seed):
    with global_generators_kept():
        expected = global_draws()
    with global_generators_kept():
        seed_globals(seed)
        first = global_draws()
        seed_globals(seed)
        assert global_draws() == first
    assert global_draws() == expected


def test_global_generators_are_given_back_after_an_error():
    def fail():
        with global_generators_kept():
            seed_globals(1)
            raise KeyError

    with global_generators_kept():
        expected = global_draws()
    with pytest.raises(KeyError):
        fail()
    assert global_draws() == expected
