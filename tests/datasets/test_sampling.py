"""Samplers from a configuration: what a dataset gives them, and what it refuses."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.config.schema.targets import Target
from autrainer.data.sampler import BalancedSampler, BlockSampler, EpochSampler, WeightedSampler
from autrainer.datasets import BaseClassificationDataset, ToyDataset
from autrainer.datasets.sampling import sampler_problems
from autrainer.errors import ConfigError, DataError

SAMPLERS = "autrainer.data.sampler"
AGES = np.arange(12) * 1.5
CODES = np.arange(12) % 3

EXPECTED = {
    "epoch": (f"{SAMPLERS}.EpochSampler", EpochSampler(12, seed=1)),
    "balanced": (f"{SAMPLERS}.BalancedSampler", BalancedSampler(CODES, seed=1)),
    "block": ({f"{SAMPLERS}.BlockSampler": {"block_size": 4}}, BlockSampler(12, 4, seed=1)),
    "weights of a column": (
        {f"{SAMPLERS}.WeightedSampler": {"weights": "age"}},
        WeightedSampler(AGES, seed=1),
    ),
    "weights by hand": (
        {f"{SAMPLERS}.WeightedSampler": {"weights": [1] * 11 + [9], "num_draws": 40}},
        WeightedSampler([1] * 11 + [9], 40, seed=1),
    ),
}


@pytest.fixture
def weigh(folder):
    """Give the train split a column `weight` with these values in its first rows, else one."""

    def weighed(*values):
        frame = pd.read_csv(folder / "train.csv")
        frame["weight"] = [*values, *[1] * (len(frame) - len(values))]
        frame.to_csv(folder / "train.csv", index=False)

    return weighed


def weighted(column="weight"):
    return {f"{SAMPLERS}.WeightedSampler": {"weights": column}}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_dataset_fills_in_what_it_knows(build, name):
    shorthand, expected = EXPECTED[name]

    sampler = build().build_sampler(shorthand)

    assert type(sampler) is type(expected)
    assert len(sampler) == len(expected)
    for epoch in range(3):
        ours, theirs = (x.indices(epoch, 0, len(expected)) for x in (sampler, expected))
        assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("options", [{}, {"resident_mb": 0}, {"resident_mb": 0, "num_workers": 2}])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_train_loader_visits_what_the_sampler_gives(build, name, options):
    dataset = build()
    sampler = dataset.build_sampler(EXPECTED[name][0])
    loader = dataset.create_train_loader(5, sampler=sampler, **options)

    for epoch in range(2):
        batches = list(loader)
        visited = torch.cat([batch.index for batch in batches])
        assert visited.tolist() == sampler.indices(epoch, 0, len(sampler)).tolist()
        assert torch.equal(torch.cat([b.features for b in batches])[:, 0], visited.double())
    loader.close()


class NoTensor(BaseClassificationDataset):
    """Makes samples in a way of its own, which keeps no encoded targets."""

    def _init_dataset(self, df, transform):
        return [f"sample {row}" for row in range(len(df))]


def test_samples_of_any_kind_are_balanced(build):
    balanced = f"{SAMPLERS}.BalancedSampler"
    ours, theirs = (build(kind=kind).build_sampler(balanced) for kind in (None, NoTensor))
    assert ours.indices(0, 0, 12).tolist() == theirs.indices(0, 0, 12).tolist()


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("regression", "they are no classes; for regression use WeightedSampler"),
        ("ml-classification", "balanced sampling needs one class per sample; use WeightedSampler"),
        ("mt-regression", "balanced sampling needs one class per sample; use WeightedSampler"),
    ],
)
def test_only_classes_can_be_balanced(build, task, message):
    with pytest.raises(DataError, match=rf"train_loader_kwargs\.sampler: targets .*{message}"):
        build(task).build_sampler(f"{SAMPLERS}.BalancedSampler")


def test_samples_of_weight_zero_are_never_drawn(build, weigh):
    weigh(0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
    assert set(build().build_sampler(weighted()).indices(0, 0, 12).tolist()) <= {9, 10, 11}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, -1, 0.5, -2.5], r"2 values of 'weight' below zero: -1, -2\.5 \(lines 3, 5\)"),
        ([-1] * 12, r"12 values of 'weight' below zero: -1, .*\(lines 2, 3, 4, 5, 6, \.\.\.\)$"),
        ([1, None], r"1 value of 'weight' without a finite number: empty or NaN \(line 3\)"),
        ([1, 2, "inf"], r"1 value of 'weight' without a finite number: inf \(line 4\)"),
        (["much"], r"1 value of 'weight' without a finite number: 'much' \(line 2\)"),
        ([0] * 12, "column 'weight' is zero in every row"),
    ],
)
def test_a_column_that_holds_no_weights_is_told_with_its_lines(
    build, weigh, folder, values, message
):
    weigh(*values)
    with pytest.raises(DataError, match=message) as caught:
        build().build_sampler(weighted())
    assert str(caught.value).startswith(f"train_loader_kwargs.sampler: {folder / 'train.csv'}: ")


def test_a_column_that_is_not_there_is_told_with_the_near_match(build, weigh, folder):
    weigh()
    with pytest.raises(DataError, match=r"no column 'wieght'; did you mean 'weight' or") as caught:
        build().build_sampler(weighted("wieght"))
    assert str(folder / "train.csv") in str(caught.value)


def test_a_dataset_without_files_has_columns_too():
    toy = ToyDataset(
        "regression", 60, 1, 4, 0.2, 0.2, 1, ["autrainer.metrics.MSE"], "autrainer.metrics.MSE"
    )
    sampler = toy.build_sampler(weighted("target"))
    assert len(sampler) == 36
    with pytest.raises(DataError, match="train split of ToyDataset: there is no column 'weight'"):
        toy.build_sampler(weighted())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": [1, 2]}, "there are 2 weights for 12 samples"),
        ({"weights": 3}, r"weights have shape \(\); give one for each sample"),
    ],
)
def test_weights_by_hand_are_checked(build, arguments, message):
    with pytest.raises(DataError, match=rf"^train_loader_kwargs\.sampler: {message}"):
        build().build_sampler({f"{SAMPLERS}.WeightedSampler": arguments})


class EveryOther:
    """Of a user: half of the samples, from another one on in every pass."""

    def __init__(self, num_samples, targets, step=2):
        self.num_samples = num_samples
        self.targets = targets
        self.step = step

    def __len__(self):
        return self.num_samples // self.step

    def indices(self, epoch, start, stop):
        return [(epoch + self.step * at) % self.num_samples for at in range(start, stop)]


def every_other(num_samples):
    """A function that makes a sampler."""
    return EveryOther(num_samples, None)


def a_list(num_samples):
    """A function that makes none."""
    return list(range(num_samples))


class OnlyIterates(torch.utils.data.Sampler):
    def __len__(self):
        return 3

    def __iter__(self):
        return iter(range(3))


@pytest.mark.parametrize(
    "shorthand", [f"{__name__}.EveryOther", {f"{__name__}.EveryOther": {"step": 4}}]
)
def test_a_sampler_of_the_users_own_gets_what_it_takes(build, shorthand):
    assert sampler_problems(Target.of_shorthand("sampler", shorthand)) == []
    dataset = build()
    sampler = dataset.build_sampler(shorthand)
    loader = dataset.create_train_loader(4, sampler=sampler)
    assert sampler.targets.tolist() == dataset.train_dataset.targets.tolist()
    visited = [torch.cat([batch.index for batch in loader]).tolist() for _ in range(2)]
    assert visited == [list(range(epoch, 12, sampler.step)) for epoch in range(2)]


def test_a_sampler_may_come_from_a_function(build):
    shorthand = f"{__name__}.every_other"
    assert sampler_problems(Target.of_shorthand("sampler", shorthand)) == []
    assert len(build().build_sampler(shorthand)) == 6
    with pytest.raises(ConfigError, match=r"a_list; a sampler needs the methods __len__\(\) and"):
        build().build_sampler(f"{__name__}.a_list")


BAD = [
    (f"{SAMPLERS}.BalancdSampler", "s cannot be used; .* did you mean 'BalancedSampler'"),
    ("BalancedSampler", "s cannot be used; 'BalancedSampler' is no import path"),
    (["x.Y"], r"^s is \['x.Y'\]; use an import path, or a mapping"),
    (f"{SAMPLERS}.BlockSampler", r"s\.block_size is missing"),
    (f"{SAMPLERS}.WeightedSampler", r"s\.weights is missing"),
    (
        {f"{SAMPLERS}.BlockSampler": {"block_size": 8, "windw": 2}},
        r"s\.windw is no argument of .*BlockSampler; did you mean 'window'",
    ),
    (
        {f"{SAMPLERS}.BlockSampler": {"block_size": "big"}},
        r"s\.block_size is 'big'; .*BlockSampler takes an integer",
    ),
    (
        {f"{SAMPLERS}.BalancedSampler": {"seed": 3, "targets": [1]}},
        r"s\.seed is filled in by the dataset; remove it\ns\.targets is filled in",
    ),
    (
        {f"{SAMPLERS}.WeightedSampler": {"weights": "age", "num_samples": 40}},
        r"s\.num_samples is filled in by the dataset; remove it; samplers that draw take num_draws",
    ),
    (
        {f"{SAMPLERS}.BalancedSampler": {"num_samples": 40}},
        r"s\.num_samples is no argument of .*BalancedSampler; did you mean 'num_draws'",
    ),
    (
        f"{__name__}.OnlyIterates",
        r"names .*OnlyIterates; a sampler needs the methods __len__\(\) and indices\(epoch, start",
    ),
    ("torch.utils.data.RandomSampler", r"names .*RandomSampler; a sampler needs the methods"),
]


@pytest.mark.parametrize(("shorthand", "message"), BAD)
def test_what_is_no_sampler_is_told_without_the_data(shorthand, message):
    told = "\n".join(
        problem.line() for problem in sampler_problems(Target.of_shorthand("s", shorthand))
    )
    assert re.search(message, told), told
