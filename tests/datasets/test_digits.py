import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets

from autrainer.datasets import Digits
from autrainer.datasets.digits import stratified_split
from autrainer.errors import ConfigError, MissingExtraError

METRIC = "autrainer.metrics.Accuracy"


def digits(**changes):
    return Digits(**{"seed": 1, "metrics": [METRIC], "tracking_metric": METRIC, **changes})


@pytest.mark.parametrize(("representation", "shape"), [("image", [1, 8, 8]), ("tabular", [64])])
def test_a_digit_is_pixels_and_its_number(representation, shape):
    item = digits(representation=representation).train_dataset[0]

    assert list(item.features.shape) == shape
    assert item.features.dtype == torch.float32
    assert item.features.min() == 0
    assert item.features.max() == 1
    assert item.target == digits().df_train["digit"][0]


def test_pixels_and_labels_belong_together():
    pixels, labels = datasets.load_digits(return_X_y=True)
    known = dict(zip(map(bytes, (pixels / 16).astype(np.float32)), labels, strict=True))
    data = digits(representation="tabular")

    seen = [
        (features.numpy().tobytes(), target)
        for loader in (data.create_train_loader(64), data.create_test_loader(64))
        for batch in loader
        for features, target in zip(batch.features, batch.target.tolist(), strict=True)
    ]

    assert all(known[features] == target for features, target in seen)


def test_splits_are_fixed_whatever_the_seed_of_a_run():
    first, other = digits(seed=1), digits(seed=2)

    assert first.test_dataset.targets.tolist() == other.test_dataset.targets.tolist()
    assert [len(first.train_dataset), len(first.dev_dataset), len(first.test_dataset)] == [
        1079, 359, 359,
    ]  # fmt: skip
    assert digits(split_seed=1).test_dataset.targets.tolist() != other.test_dataset.targets.tolist()


def test_all_digits_are_served_from_memory():
    data = digits()

    assert data.output_dim == 10
    assert data.target_transform.labels == list(range(10))
    assert data.train_dataset.resident().features.shape == (1079, 1, 8, 8)


@given(
    labels=st.lists(st.integers(0, 3), min_size=1).map(lambda extra: [0, 1, 2, 3] * 10 + extra),
    dev=st.floats(0.1, 0.4),
    test=st.floats(0.1, 0.4),
    seed=st.integers(0, 9),
)
def test_every_split_gets_its_share_of_every_label(labels, dev, test, seed):
    labels = np.array(labels)

    rows = stratified_split(labels, dev=dev, test=test, seed=seed)

    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(len(labels)))
    for label in range(4):
        count = (labels == label).sum()
        assert (labels[rows["dev"]] == label).sum() == round(count * dev)
        assert (labels[rows["test"]] == label).sum() == round(count * test)


@pytest.mark.parametrize(
    "changes",
    [{"representation": "audio"}, {"dev_split": 0}, {"dev_split": 0.5, "test_split": 0.5}],
)
def test_values_that_cannot_be_are_refused(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        digits(**changes)


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)

    with pytest.raises(MissingExtraError, match=r"scikit-learn.*autrainer\[digits\]"):
        digits()
