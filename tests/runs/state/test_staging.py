"""Staged copies: right, tied as the originals, and in memory that is used again."""

import threading

import numpy as np
import pytest
import torch

from autrainer.runs.state.staging import Staging


def tree():
    return {"w": torch.arange(6.0).reshape(2, 3), "n": (1, [np.float64(0.5)], "x"), "b": None}


def test_a_copy_does_not_change_with_the_original():
    original = tree()
    staged = Staging().take(original)
    original["w"].zero_()
    original["n"][1][0] = 9
    assert torch.equal(staged.tree["w"], tree()["w"])
    assert staged.tree["n"] == (1, [0.5], "x")
    assert type(staged.tree["n"][1][0]) is float


def test_tied_tensors_stay_tied_and_views_with_gaps_come_out_right():
    weight = torch.randn(4, 4)
    staged = Staging().take({"a": weight, "b": weight, "c": weight[:, ::2], "d": weight.t()})
    copied = staged.tree
    assert copied["a"] is copied["b"]
    assert torch.equal(copied["c"], weight[:, ::2])
    assert torch.equal(copied["d"], weight.t())


def test_memory_of_a_released_copy_is_used_again():
    staging = Staging()
    first = staging.take(tree())
    place = first.tree["w"].data_ptr()
    first.release()
    first.release()
    second, third = staging.take(tree()), staging.take(tree())
    assert second.tree["w"].data_ptr() == place != third.tree["w"].data_ptr()


def test_a_tree_of_another_shape_gets_memory_of_its_own():
    staging = Staging()
    staging.take(tree()).release()
    other = {"w": torch.ones(5, dtype=torch.int64), "more": torch.ones(2)}
    staged = staging.take(other)
    assert torch.equal(staged.tree["w"], other["w"])
    assert torch.equal(staged.tree["more"], other["more"])


def test_a_third_copy_waits_for_one_of_two_to_be_released():
    staging = Staging(num=2)
    first, _second = staging.take(tree()), staging.take(tree())
    assert staging.is_busy
    taken = []
    thread = threading.Thread(target=lambda: taken.append(staging.take(tree())))
    thread.start()
    assert not taken
    first.release()
    thread.join()
    assert len(taken) == 1
    assert staging.is_busy


def test_a_copy_that_fails_frees_its_place():
    class Stubborn:
        def __deepcopy__(self, memo):
            raise ValueError("not me")

    staging = Staging(num=1)
    with pytest.raises(ValueError, match="not me"):
        staging.take({"w": torch.ones(1), "x": Stubborn()})
    assert not staging.is_busy
