"""Generators go on where they stood, and take nothing that could crash them."""

import random

import numpy as np
import pytest
import torch

from autrainer.runs.process.run_process import RunProcess
from autrainer.runs.random.generators import (
    OTHERS,
    check_random_state,
    random_state,
    set_random_state,
    set_state_of_process,
    states_of_processes,
)
from autrainer.runs.random.seeding import set_seed
from tests.ranks import on_all


def drawn():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_random_numbers_go_on_as_they_did():
    state = random_state()
    check_random_state(state)
    first = drawn()
    set_random_state(state)
    assert drawn() == first


def numpy_state(**changes):
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    parts = {"kind": kind, "keys": keys, "position": position, "has_gauss": has_gauss}
    return tuple({**parts, "gauss": gauss, **changes}.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"numpy": numpy_state(position=625)},
        {"numpy": numpy_state(position=-1)},
        {"numpy": numpy_state(position=2**40)},
        {"numpy": numpy_state(keys=np.zeros(623, dtype=np.uint32))},
        {"numpy": numpy_state(keys=np.zeros(624, dtype=np.uint8))},
        {"numpy": numpy_state(kind="PCG64")},
        {"numpy": ()},
        {"python": (3, (0,) * 624 + (625,), None)},
        {"python": None},
        {"torch": torch.zeros(16, dtype=torch.uint8)},
        {"torch": torch.full((5056,), 255, dtype=torch.uint8)},
        {"cuda": [torch.zeros(16)]},
        {"cuda": 5},
    ],
    # Not by their values: those are drawn anew in every process.
    ids=[
        *("position beyond", "position below zero", "position huge", "too few keys", "small keys"),
        *("another generator", "numpy empty", "python beyond", "python none", "torch too short"),
        *("torch out of range", "cuda of floats", "cuda no list"),
    ],
)
def test_states_that_no_generator_gave_are_refused(changes):
    before = random_state()
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        check_random_state({**before, **changes})
    first = drawn()
    set_random_state(before)
    assert drawn() == first


class Gathers:
    """The main process of a run, whose other processes have these states."""

    process = RunProcess(0, 3)

    def __init__(self, *others):
        self.others = others

    def gather(self, value):
        return [value, *self.others]


def test_one_process_keeps_what_it_always_kept():
    (states,) = on_all(1, states_of_processes)
    assert list(states) == list(random_state())


def test_each_process_goes_on_as_it_did():
    kept, expected = [], []
    for seed in (1, 2, 3):
        set_seed(seed)
        kept.append(random_state())
        expected.append(drawn())
    set_random_state(kept[0])
    states = states_of_processes(Gathers(*kept[1:]))
    check_random_state(states)

    for rank in range(3):
        set_state_of_process(states, RunProcess(rank, 3))
        assert drawn() == expected[rank]


@pytest.mark.parametrize("world_size", [2, 4])
def test_another_number_of_processes_draws_numbers_that_differ_between_them(world_size):
    set_seed(1)
    states = states_of_processes(Gathers(random_state(), random_state()))

    def first_of(rank):
        set_state_of_process(states, RunProcess(rank, world_size))
        return drawn()

    numbers = [first_of(rank) for rank in range(world_size)]
    assert [first_of(rank) for rank in range(world_size)] == numbers
    assert len({number for each in numbers for number in each}) == 3 * world_size
    set_random_state(states)
    assert drawn() == numbers[0]


def test_a_damaged_state_of_another_process_is_refused():
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        check_random_state({**random_state(), OTHERS: [{**random_state(), "numpy": ()}]})
