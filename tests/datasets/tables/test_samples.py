"""Targets and names of samples in the table of results."""

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.data.targets import LabelEncoder
from autrainer.datasets import BaseClassificationDataset, BaseRegressionDataset, ToyDataset
from autrainer.datasets.tables.samples import SplitSamples
from autrainer.runs.writing.columns import Labels, LabelSets, Texts, ValueLists, Values

BACKWARDS = np.array([5, 0, 0])


def test_labels_are_those_of_the_rows(build):
    dataset = build()
    samples = SplitSamples(dataset, "dev")

    target = samples.target(BACKWARDS, dataset.dev_dataset.targets.numpy()[BACKWARDS])
    heading, names = samples.names(BACKWARDS)

    assert isinstance(target, Labels)
    assert [target.labels[code] for code in target.codes] == ["bee", "cat", "cat"]
    assert heading == "file"
    assert [names.texts[code] for code in names.codes] == ["17.wav", "12.wav", "12.wav"]
    assert samples.target_names is None


def test_several_labels_are_lists(build):
    dataset = build("ml-classification")
    samples = SplitSamples(dataset, "dev")

    target = samples.target(BACKWARDS, dataset.dev_dataset.targets.numpy()[BACKWARDS])

    assert isinstance(target, LabelSets)
    assert target.mask.tolist() == [[1, 0], [0, 1], [0, 1]]
    assert samples.target_names == ["wet", "loud"]


def test_numbers_are_those_of_the_file_to_the_last_digit(build, folder):
    frame = pd.read_csv(folder / "dev.csv")
    frame["age"] = [0.1, 1 / 3, 3.82, 7.0, 1e-9, 16.499999999999996]
    frame.to_csv(folder / "dev.csv", index=False)
    dataset = build("regression")

    target = SplitSamples(dataset, "dev").target(np.arange(6), dataset.dev_dataset.targets.numpy())

    assert isinstance(target, Values)
    assert target.values.tolist() == frame["age"].tolist()


def test_numbers_of_several_targets_are_rows_of_a_table(build):
    dataset = build("mt-regression")

    encoded = dataset.dev_dataset.targets.numpy()[BACKWARDS]
    target = SplitSamples(dataset, "dev").target(BACKWARDS, encoded)

    assert isinstance(target, ValueLists)
    assert target.values.tolist() == [[25.5, 0.0], [18.0, 1.0], [18.0, 1.0]]


def test_targets_that_a_transform_changes_are_those_that_were_trained(build):
    dataset = build("regression")

    target = SplitSamples(dataset, "train").target(np.array([0, 1]), np.float32([0.5, 1.0]))

    assert target.values.tolist() == [0.5 * 16.5, 16.5]


@pytest.mark.parametrize("mixed", [np.float32([[0.4, 0.6, 0.0]]), np.array([3]), np.array([-1])])
def test_mixtures_of_labels_are_no_label(build, mixed):
    assert SplitSamples(build(), "train").target(np.array([0]), mixed) is None


def test_labels_present_in_part_are_no_list(build):
    mixed = np.float32([[0.4, 1.0]])

    assert SplitSamples(build("ml-classification"), "train").target(np.array([0]), mixed) is None


class Ordinal(LabelEncoder):
    """Encodes a label as many ones as there are labels below it."""

    def encode(self, x):
        return (torch.arange(len(self)) <= super().encode(x)).float()


class OrdinalDataset(BaseClassificationDataset):
    @property
    def target_transform(self):
        return Ordinal(["ant", "bee", "cat"])


def test_a_transform_of_the_users_own_has_the_cells_of_the_file(build):
    dataset = build(kind=OrdinalDataset)

    target = SplitSamples(dataset, "dev").target(
        BACKWARDS, dataset.dev_dataset.targets.numpy()[BACKWARDS]
    )

    assert target == Texts(["bee", "cat", "cat"])


class Plain(torch.utils.data.Dataset):
    """Samples that know nothing of this package; as many for a row as is asked for."""

    def __init__(self, rows, each):
        self.rows, self.each = rows, each

    def __len__(self):
        return len(self.rows) * self.each

    def __getitem__(self, index):
        raise IndexError


@pytest.mark.parametrize(("each", "has_names"), [(1, True), (2, False)])
def test_samples_of_the_users_own_have_names_if_there_is_one_for_each_row(build, each, has_names):
    class Own(BaseRegressionDataset):
        def _init_dataset(self, df, transform):
            return Plain(df, each)

    names = SplitSamples(build("regression", kind=Own), "dev").names(np.arange(6))

    assert (names is not None) == has_names


def test_positions_that_are_none_have_no_names(build):
    samples = SplitSamples(build(), "dev")

    assert samples.names(np.array([0, 6])) is None
    assert samples.names(np.array([-1])) is None
    assert samples.names(np.array([], dtype=np.int64)) is None


def test_computed_samples_have_no_names():
    metric = "autrainer.metrics.Accuracy"
    toy = ToyDataset("classification", 40, 3, 4, 0.2, 0.2, 1, [metric], metric)

    assert SplitSamples(toy, "dev").names(np.arange(8)) is None
