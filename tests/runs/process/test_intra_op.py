"""One thread for single samples, wherever they are made in line, and the model's threads after."""

import numpy as np
import pytest
import torch

from autrainer.data.items import DataBatch, DataItem
from autrainer.data.loader import Loader
from autrainer.runs.process.intra_op import one_intra_op_thread
from autrainer.transforms import SmartCompose, Standardizer
from autrainer.transforms.base import FeaturesTransform
from autrainer.transforms.plan import plan

MODEL_THREADS = 2


@pytest.fixture(autouse=True)
def _threads_of_the_model():
    before = torch.get_num_threads()
    torch.set_num_threads(MODEL_THREADS)
    yield
    torch.set_num_threads(before)


class Counting(torch.utils.data.Dataset):
    """Notes by how many threads its samples are made; sample 5 may be broken."""

    transform = None

    def __init__(self, breaks=False):
        self.seen = []
        self.breaks = breaks

    def __len__(self):
        return 6

    def __getitem__(self, index):
        self.seen.append(torch.get_num_threads())
        if self.breaks and index == 5:
            raise RuntimeError("broken")
        return DataItem(torch.arange(3.0) + index, 0, index)


class Noting(FeaturesTransform):
    """Notes by how many threads features are changed: those of a sample, and of a batch."""

    def __init__(self):
        super().__init__()
        self.samples, self.batches = [], []

    def change(self, features):
        self.samples.append(torch.get_num_threads())
        return features

    def change_batch(self, features):
        self.batches.append(torch.get_num_threads())
        return features


def loader_of(dataset, collate_fn=DataBatch.collate):
    return Loader(dataset, batch_size=4, seed=1, shuffle=False, collate_fn=collate_fn)


def test_items_are_made_in_line_by_one_thread_and_batches_by_those_of_the_model():
    dataset, collated, between = Counting(), [], []

    def collate(items):
        collated.append(torch.get_num_threads())
        return DataBatch.collate(items)

    for _ in loader_of(dataset, collate):
        between.append(torch.get_num_threads())

    assert dataset.seen == [1] * 6
    assert collated == between == [MODEL_THREADS] * 2


def test_an_item_that_cannot_be_made_leaves_the_threads_of_the_model():
    with pytest.raises(RuntimeError, match="broken"):
        list(loader_of(Counting(breaks=True)))

    assert torch.get_num_threads() == MODEL_THREADS


def test_transforms_change_samples_by_one_thread_and_batches_by_those_of_the_model():
    transform = Noting()
    change = plan(SmartCompose([transform])).fixed

    change([torch.ones(2), torch.ones(3)], np.arange(2))
    change(torch.ones(2, 3), np.arange(2))

    assert transform.samples == [1] * 2
    assert transform.batches == [MODEL_THREADS]


def test_a_standardizer_reads_single_samples_by_one_thread():
    class Data:
        train_dataset = Counting()

    Standardizer().setup(Data)

    assert Data.train_dataset.seen == [1] * 6
    assert torch.get_num_threads() == MODEL_THREADS


def test_blocks_may_lie_in_each_other():
    with one_intra_op_thread():
        with one_intra_op_thread():
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == MODEL_THREADS
