"""Generators go on where they stood, and take nothing that could crash them."""

import random

import numpy as np
import pytest
import torch

from autrainer.runs.random.generators import check_random_state, random_state, set_random_state


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
