"""The loader option `bucket`: lengths from headers, the same samples, resumed anywhere."""

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.data.file_handlers import AudioFileHandler, NumpyFileHandler
from autrainer.data.items import DataBatch, DataItem
from autrainer.data.loader import Loader
from autrainer.datasets.wrapper import DatasetWrapper, SplitDataset
from autrainer.errors import ConfigError, DataError

LENGTHS = np.random.default_rng(0).integers(5, 60, 41).tolist()


def loader(dataset, **options):
    given = {"batch_size": 4, "seed": 3, "shuffle": True, "collate_fn": DataBatch.collate}
    return Loader(dataset, **{**given, "pad": {}, "bucket": 3, **options})


def wrapper(folder, file_type, handler):
    names = [f"{i}.{file_type}" for i in range(len(LENGTHS))]
    frame = pd.DataFrame({"file": names, "label": range(len(LENGTHS))})
    return DatasetWrapper(str(folder), "", "file", "label", handler, frame)


@pytest.fixture
def arrays(tmp_path):
    for i, length in enumerate(LENGTHS):
        np.save(tmp_path / f"{i}.npy", np.full((2, length), i, dtype=np.float32))
    return wrapper(tmp_path, "npy", NumpyFileHandler())


def samples(batches):
    return [batch.index.tolist() for batch in batches]


def visited(batches):
    return [index for batch in samples(batches) for index in batch]


def spread(batches):
    """By how much the lengths of a batch differ, on average."""
    return np.mean([np.ptp([LENGTHS[i] for i in batch]) for batch in samples(batches)])


def test_lengths_are_read_from_the_headers_of_files(arrays, tmp_path):
    assert arrays.lengths(-1).tolist() == LENGTHS
    assert arrays.lengths(0).tolist() == [2] * len(LENGTHS)
    with pytest.raises(DataError, match=r"0\.npy: a sample of shape \(2, \d+\) has no axis 2"):
        arrays.lengths(2)
    for i, length in enumerate(LENGTHS):
        AudioFileHandler(8000).save(str(tmp_path / f"{i}.wav"), torch.zeros(1, length))
    assert wrapper(tmp_path, "wav", AudioFileHandler()).lengths(-1).tolist() == LENGTHS


class InMemory(SplitDataset):
    """Three samples of four numbers."""

    def raw_targets(self):
        return [0, 1, 0]

    def load_features(self, index):
        return self.all_features()[index]

    def all_features(self):
        return torch.zeros(3, 4)


def test_an_axis_that_samples_in_memory_do_not_have_is_told():
    assert InMemory().lengths(-1).tolist() == [4, 4, 4]
    with pytest.raises(DataError, match=r"sample 0 of .*: a sample of shape \(4,\) has no axis 1"):
        InMemory().lengths(1)


def test_batches_have_similar_lengths_and_a_pass_the_same_samples(arrays):
    bucketed, plain = [*loader(arrays)], [*loader(arrays, bucket=False)]
    assert sorted(visited(bucketed)) == sorted(visited(plain)) == list(range(len(LENGTHS)))
    assert spread(bucketed) < spread(plain) / 2
    assert bucketed[0].lengths.tolist() == [LENGTHS[i] for i in bucketed[0].index]


@pytest.mark.parametrize("drop_last", [False, True])
def test_a_loader_goes_on_within_a_block(arrays, drop_last):
    first = loader(arrays, drop_last=drop_last)
    whole = samples(first)
    for got in (1, 4, len(whole) - 1):
        interrupted = loader(arrays, drop_last=drop_last, num_workers=2)
        batches = iter(interrupted)
        for _ in range(got):
            next(batches)
        again = loader(arrays, drop_last=drop_last)
        again.load_state_dict(interrupted.state_dict())
        assert samples(again) == whole[got:]
        interrupted.close()


def test_evaluation_sees_every_sample_from_the_shortest_of_a_block_on(arrays):
    order = visited(loader(arrays, shuffle=False))
    assert sorted(order) == list(range(len(LENGTHS)))
    assert [LENGTHS[i] for i in order[:12]] == sorted(LENGTHS[:12])


def test_a_state_of_other_buckets_is_refused(arrays):
    state = loader(arrays).state_dict()
    with pytest.raises(ConfigError, match="bucket was 3 and is 64"):
        loader(arrays, bucket=True).load_state_dict(state)
    with pytest.raises(ConfigError, match="bucket was 3 and is 0"):
        loader(arrays, bucket=False).load_state_dict(state)
    plain = loader(arrays, bucket=False).state_dict()
    assert "bucket" not in plain
    with pytest.raises(ConfigError, match="bucket was 0 and is 3"):
        loader(arrays).load_state_dict(plain)


class Items:
    """A dataset of the user's own."""

    def __len__(self):
        return len(LENGTHS)

    def __getitem__(self, index):
        return DataItem(torch.zeros(1, LENGTHS[index]), 0, index)


class Known(Items):
    def lengths(self, axis):
        return LENGTHS


class Wrong(Items):
    def lengths(self, axis):
        return LENGTHS[1:]


def test_a_dataset_may_tell_its_lengths():
    assert spread(loader(Known())) < spread(loader(Known(), bucket=False)) / 2
    with pytest.raises(ConfigError, match=r"Items does not know them; give it a method lengths"):
        loader(Items())
    with pytest.raises(DataError, match=r"int64 of shape \(40,\); give an integer for each of 41"):
        loader(Wrong())


@pytest.mark.parametrize("bucket", [1, 0.5, "yes", -3])
def test_what_is_no_number_of_batches_is_refused(arrays, bucket):
    with pytest.raises(ConfigError, match="use true, false, or a number of batches, at least 2"):
        loader(arrays, bucket=bucket)
