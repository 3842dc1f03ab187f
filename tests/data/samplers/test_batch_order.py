"""Orders of the user's own, as the loader meets them."""

import numpy as np
import pytest
import torch

from autrainer.data.sampler import EpochSampler
from autrainer.data.samplers.batch_order import CheckedOrder
from autrainer.errors import DataError


class Given:
    """Gives what it was made of, whatever it is asked for."""

    def __init__(self, indices):
        self.given = indices

    def __len__(self):
        return 3

    def indices(self, epoch, start, stop):
        return self.given


@pytest.mark.parametrize(
    "given", [[4, 0, 4], (4, 0, 4), np.array([4, 0, 4], np.uint8), torch.tensor([4, 0, 4])]
)
def test_whatever_holds_integers_is_an_order(given):
    indices = CheckedOrder(Given(given), 5).indices(0, 0, 3)

    assert indices.dtype == np.int64
    assert indices.tolist() == [4, 0, 4]


def test_what_a_loader_gets_is_not_the_memory_of_the_sampler():
    own = np.array([2, 1, 0])

    CheckedOrder(Given(own), 5).indices(0, 0, 3)[:] = 4

    assert own.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([0, 1], r"asked for 3 indices \(positions 6 to 9 of pass 2\) and gave int64 of shape"),
        ([[0, 1, 2]], r"gave int64 of shape \(1, 3\)"),
        ([0.0, 1.0, 2.0], r"gave float64 of shape \(3,\)"),
        (None, r"gave object of shape \(\)"),
        ([0, 5, 9], "gave index 5 at position 7 of pass 2; there are samples 0 to 4"),
        ([0, 1, -1], "gave index -1 at position 8 of pass 2"),
    ],
)
def test_what_is_no_part_of_a_pass_is_refused(given, message):
    with pytest.raises(DataError, match=f"Given .*{message}"):
        CheckedOrder(Given(given), 5).indices(2, 6, 9)


def test_a_sampler_of_more_samples_than_there_are_is_refused():
    with pytest.raises(DataError, match="EpochSampler gave index"):
        CheckedOrder(EpochSampler(50, seed=1), 10).indices(0, 0, 50)
