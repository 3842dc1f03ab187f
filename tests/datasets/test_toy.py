import sys
from functools import cached_property

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.datasets import ToyDataset
from autrainer.datasets.noise import NoiseTable
from autrainer.errors import ConfigError, DataError
from autrainer.transforms import ScaleRange, SmartCompose

TASKS = ("classification", "ml-classification", "regression", "mt-regression")


def toy(task="classification", kind=ToyDataset, **changes):
    arguments = {
        "size": 10,
        "num_targets": 3,
        "feature_shape": 2,
        "dev_split": 0.2,
        "test_split": 0.2,
        "seed": 0,
        "metrics": ["autrainer.metrics.MSE"],
        "tracking_metric": "autrainer.metrics.MSE",
    }
    return kind(task, **{**arguments, **changes})


@pytest.mark.parametrize(
    ("task", "column", "expected"),
    [
        ("classification", "target", ["class_3", "class_2", "class_2", "class_1"]),
        ("regression", "target", [0.636962, 0.269787, 0.040974, 0.016528]),
    ],
)
def test_targets_are_those_that_the_seed_has_always_given(task, column, expected):
    values = toy(task).df_train[column].tolist()[:4]

    assert values == (expected if task == "classification" else pytest.approx(expected, abs=1e-5))


def test_targets_follow_the_random_numbers_of_the_seed():
    rng = np.random.default_rng(3)
    labels = np.stack([rng.integers(0, 2, 10) for _ in range(3)], axis=1)
    rng = np.random.default_rng(3)
    numbers = np.stack([rng.random(10).astype(np.float32) for _ in range(3)], axis=1)

    multi_label, multi_target = toy("ml-classification", seed=3), toy("mt-regression", seed=3)

    columns = ["class_1", "class_2", "class_3"]
    np.testing.assert_array_equal(multi_label.df_train[columns], labels[:6])
    np.testing.assert_array_equal(multi_label.df_dev[columns], labels[6:8])
    columns = ["target_1", "target_2", "target_3"]
    np.testing.assert_array_equal(multi_target.df_test[columns], numbers[8:])
    assert multi_target.df_test[columns].dtypes.unique().tolist() == [np.float32]


def test_rows_are_cut_in_order_and_numbered_anew():
    dataset = toy(size=17)

    assert [len(dataset.df_train), len(dataset.df_dev), len(dataset.df_test)] == [11, 3, 3]
    assert dataset.df_dev.columns.tolist() == ["index", "target"]
    assert dataset.df_dev["index"].tolist() == dataset.df_dev.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("shape", [5, [2, 3]])
def test_a_sample_is_the_same_whenever_it_is_read(dtype, shape):
    one, other = (toy(dtype=dtype, feature_shape=shape) for _ in range(2))
    one.resident_limit_bytes = 0

    again = [one.dev_dataset[1].features for _ in range(2)]

    assert again[0].dtype == getattr(torch, dtype)
    assert list(again[0].shape) == ([shape] if isinstance(shape, int) else shape)
    assert torch.equal(again[0], again[1])
    assert torch.equal(again[0], other.dev_dataset[1].features)
    assert one.dev_dataset.resident() is None
    assert torch.equal(other.dev_dataset.resident().features[1], again[0])


def test_samples_splits_and_seeds_differ():
    dataset, other = toy(feature_shape=8), toy(feature_shape=8, seed=1)

    samples = [
        tuple(item.features.tolist())
        for split in (dataset.train_dataset, dataset.dev_dataset, other.train_dataset)
        for item in split
    ]

    assert len(set(samples)) == len(samples)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.lists(st.integers(1, 9), max_size=3),
    dtype=st.sampled_from(["float32", "uint8"]),
    rows=st.lists(st.integers(0, 50), min_size=1, max_size=5),
)
def test_any_row_of_noise_can_be_drawn_alone(seed, shape, dtype, rows):
    table = NoiseTable(seed, tuple(shape), dtype)
    whole = table.rows(0, 51)

    np.testing.assert_array_equal(table.take(rows), whole[rows])
    assert whole.shape == (51, *shape)
    assert whole.dtype == dtype


def test_noise_is_uniform_and_stays_as_it_is():
    floats = NoiseTable(0, (1000,), "float32").rows(0, 100)
    counts = np.bincount(NoiseTable(0, (1000,), "uint8").rows(0, 100).ravel(), minlength=256)

    assert floats.min() >= 0
    assert floats.max() < 1
    assert abs(floats.mean() - 0.5) < 0.005
    # 255 degrees of freedom: within five standard deviations.
    expected = 100_000 / 256
    assert abs(((counts - expected) ** 2 / expected).sum() - 255) < 5 * np.sqrt(2 * 255)


def test_noise_has_fixed_values():
    values = NoiseTable(0, (2,), "float32").rows(0, 2)

    assert (values * 2**24).astype(int).tolist() == [[14444508, 257093], [6885214, 4529382]]


@pytest.mark.parametrize("task", TASKS)
def test_batches_from_memory_are_those_of_single_samples(task):
    dataset, one_by_one = toy(task, size=100), toy(task, size=100)
    one_by_one.resident_limit_bytes = 0

    for loaders in (
        [d.create_train_loader(7) for d in (dataset, one_by_one)],
        [d.create_test_loader(7) for d in (dataset, one_by_one)],
    ):
        for fast, slow in zip(*loaders, strict=True):
            assert torch.equal(fast.features, slow.features)
            assert torch.equal(fast.target, slow.target)
            assert torch.equal(fast.index, slow.index)
            assert fast.target.dtype == slow.target.dtype


def test_training_on_toy_data_needs_no_data_frames(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    data = toy(size=50)

    for loader in (data.create_train_loader(3), data.create_dev_loader(3)):
        assert sum(len(batch.index) for batch in loader) == loader.num_samples
    assert data.strata("dev") == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "sorting"}, "dataset.task is 'sorting'"),
        ({"dtype": "float64"}, "dataset.dtype is 'float64'"),
        ({"size": 0}, "dataset.size is 0"),
        ({"num_targets": 0}, "dataset.num_targets is 0"),
        ({"feature_shape": [3, 0]}, "dataset.feature_shape is 0"),
        ({"feature_shape": "64"}, "dataset.feature_shape is '64'"),
        ({"dev_split": 0.5, "test_split": 0.5}, "leave something for train"),
        ({"dev_split": -0.1}, "shares from 0"),
        ({"dev_split": 0.01}, "the dev split of 10 samples is empty"),
    ],
)
def test_values_that_cannot_be_are_refused_at_once(changes, message):
    with pytest.raises(ConfigError, match=message):
        toy(**{"task": "classification", **changes})


def test_labels_that_are_not_in_train_are_named_with_their_split():
    with pytest.raises(DataError, match=r"the dev split of ToyDataset: 1 sample.*unknown labels"):
        toy(size=6, num_targets=5, seed=1, dev_split=0.2, test_split=0.2).create_train_loader(2)


def test_a_frame_of_ones_own_selects_samples():
    class Few(ToyDataset):
        @cached_property
        def df_train(self):
            return super().df_train.iloc[::2]

    few, whole = toy(kind=Few, size=60), toy(size=60)

    assert len(few.train_dataset) == 18
    assert torch.equal(few.train_dataset[5].features, whole.train_dataset[10].features)
    assert few.train_dataset.targets.tolist() == whole.train_dataset.targets[::2].tolist()
    assert few.train_dataset.resident() is not None


def test_samples_of_ones_own_are_taken():
    class Mine(ToyDataset):
        def _init_dataset(self, df, transform):
            split = super()._init_dataset(df, transform)
            return [split[index].target for index in range(len(split))]

    assert toy(kind=Mine).train_dataset == toy().train_dataset.targets.tolist()


def test_transforms_act_and_an_empty_compose_does_not():
    scaling = SmartCompose([ScaleRange()])

    assert toy(train_transform=SmartCompose([])).train_dataset.resident() is not None
    split = toy(feature_shape=9, train_transform=scaling).train_dataset
    assert split.resident() is None
    assert split[0].features.max() == 1
