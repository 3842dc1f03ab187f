from functools import cached_property

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.data.items import DataBatch, DataItem
from autrainer.data.targets import (
    LabelEncoder,
    MinMaxScaler,
    MultiLabelEncoder,
    MultiTargetMinMaxScaler,
)
from autrainer.datasets import AbstractDataset, BaseClassificationDataset, DatasetWrapper
from autrainer.errors import ConfigError
from autrainer.metrics import Accuracy
from autrainer.transforms import AbstractTransform, SmartCompose

TASKS = ("classification", "ml-classification", "regression", "mt-regression")


class Add(AbstractTransform):
    """Adds a number to the features."""

    def __init__(self, number, order=0):
        super().__init__(order=order, number=number)

    def __call__(self, item):
        item.features = item.features + self.number
        return item


class Rename(AbstractTransform):
    """Changes the target before it is encoded."""

    def __init__(self, target, order=0):
        super().__init__(order=order, target=target)

    def __call__(self, item):
        item.target = self.target
        return item


class Remembering(AbstractTransform):
    """Keeps what it sees."""

    def __init__(self, order=0):
        super().__init__(order=order)
        self.seen = []
        self.datasets = []

    def setup(self, dataset):
        self.datasets.append(dataset)

    def __call__(self, item):
        self.seen.append(item.target)
        return item


@pytest.mark.parametrize(
    ("task", "kind", "output_dim", "target", "dtype"),
    [
        ("classification", LabelEncoder, 3, [2, 0, 1], torch.int64),
        ("ml-classification", MultiLabelEncoder, 2, [[0, 1], [1, 0], [0, 0]], torch.float32),
        ("regression", MinMaxScaler, 1, [0, 1 / 11, 2 / 11], torch.float32),
        ("mt-regression", MultiTargetMinMaxScaler, 2, [[0, 1], [1 / 11, 0], [2 / 11, 0]],
         torch.float32),
    ],
)  # fmt: skip
def test_each_family_encodes_what_its_task_means(build, task, kind, output_dim, target, dtype):
    dataset = build(task)

    batch = DataBatch.collate([dataset.train_dataset[index] for index in range(3)])

    assert dataset.task == task
    assert isinstance(dataset.target_transform, kind)
    assert dataset.output_dim == output_dim
    assert batch.target.dtype == dtype
    torch.testing.assert_close(batch.target, torch.tensor(target, dtype=dtype))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("transform", [None, SmartCompose([Add(0)])])
def test_items_have_the_targets_that_are_encoded_at_once(build, task, transform):
    split = build(task, train_transform=transform).train_dataset

    batch = DataBatch.collate([split[index] for index in range(len(split))])

    assert torch.equal(batch.target, split.targets)
    assert batch.target.dtype == split.targets.dtype


def test_a_sample_is_its_file_its_encoded_target_and_its_position(build):
    item = build().dev_dataset[2]

    assert isinstance(item, DataItem)
    assert item.features.tolist() == [14, 14, 14]
    assert item.features.dtype == torch.float32
    assert (item.target, item.index) == (1, 2)


def test_a_split_ends_and_counts_from_its_end(build):
    split = build().dev_dataset

    assert len(split) == len(list(split)) == 6
    assert split[-1].index == 5
    with pytest.raises(IndexError, match="no sample 6"):
        split[6]


def test_a_transform_sees_the_raw_target_and_may_change_it(build):
    transform = Remembering()
    dataset = build(train_transform=SmartCompose([transform, Rename("bee", order=1)]))

    assert [dataset.train_dataset[index].target for index in (0, 1)] == [1, 1]
    assert transform.seen == ["cat", "ant"]
    assert transform.datasets == [dataset]


def test_a_transform_gets_a_row_of_numbers_for_several_targets(build):
    transform = Remembering()
    dataset = build("mt-regression", train_transform=SmartCompose([transform]))

    dataset.train_dataset[1]

    assert torch.equal(transform.seen[0], torch.tensor([1.5, 0.0]))


def test_without_any_transform_a_wrapper_keeps_the_dtype_of_the_file(build, folder):
    dataset = build()
    wrapper = DatasetWrapper(
        str(folder), "features", "file", "label", dataset.file_handler, dataset.df_dev, "npy"
    )

    assert wrapper[0].features.dtype == torch.float64
    assert wrapper[0].target == "cat"


def test_train_is_shuffled_by_the_seed_and_dev_and_test_are_not(build):
    def order(loader):
        return torch.cat([batch.index for batch in loader]).tolist()

    train = build().create_train_loader(5)

    first = order(train)
    assert order(build().create_train_loader(5)) == first != order(train)
    assert order(build(seed=2).create_train_loader(5)) != first
    assert order(build().create_dev_loader(4)) == order(build().create_test_loader(4))
    assert order(build().create_dev_loader(4)) == list(range(6))


def test_loader_options_reach_the_loader(build):
    loader = build().create_train_loader(5, drop_last=True, pin_memory=True)

    assert [len(batch.index) for batch in loader] == [5, 5]
    assert loader.pin_memory
    with pytest.raises(ConfigError, match="dev loader: num_workers is -1"):
        build().create_dev_loader(5, num_workers=-1)
    with pytest.raises(TypeError, match="workers"):
        build().create_dev_loader(5, workers=1)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_read_the_same_files(build):
    alone = list(build().create_train_loader(5))
    loader = build().create_train_loader(5, num_workers=2, prefetch_factor=1)

    for ours, theirs in zip(loader, alone, strict=True):
        assert torch.equal(ours.features, theirs.features)
        assert torch.equal(ours.target, theirs.target)
    loader.close()


def test_files_are_not_in_memory(build):
    assert build().train_dataset.resident() is None


def test_a_transform_decides_how_items_become_batches(build):
    class Listing(Add):
        def get_collate_fn(self, dataset, default):
            return lambda items: [default(items)]

    dataset = build(dev_transform=SmartCompose([Listing(1)]))

    (batch,) = next(iter(dataset.create_dev_loader(2)))
    assert batch.features.tolist() == [[13] * 3, [14] * 3]


def test_users_may_bring_their_own_frames_and_samples(build, folder):
    class Doubled(DatasetWrapper):
        def __getitem__(self, index):
            item = super().__getitem__(index)
            item.features = item.features * 2
            return item

    class Mine(BaseClassificationDataset):
        @cached_property
        def df_dev(self):
            frame = pd.read_csv(folder / "dev.csv")
            return frame[frame["city"] == "Rom"]

        @property
        def audio_subdir(self):
            return "features"

        def _init_dataset(self, df, transform):
            return Doubled(
                self.path, self.features_subdir, self.index_column, self.target_column,
                self.file_handler, df, self.file_type, transform, self.target_transform,
            )  # fmt: skip

    dataset = build(kind=Mine, features_subdir=None)

    batch = next(iter(dataset.create_dev_loader(9)))
    assert batch.features[:, 0].tolist() == [26, 30, 34]
    assert batch.index.tolist() == [0, 1, 2]


def test_strata_are_row_positions_whatever_the_index_of_the_frame(build, folder):
    class Gaps(BaseClassificationDataset):
        @cached_property
        def df_dev(self):
            frame = pd.read_csv(folder / "dev.csv")
            return frame[frame["age"] > 20].set_index(pd.Index([7, 3, 3, 100]))

    strata = build(kind=Gaps, stratify=["city", "label"]).strata("dev")

    assert list(strata) == ["Ulm", "Rom", "bee", "cat", "ant"]
    assert strata["Rom"].tolist() == [False, True, False, True]
    assert strata["bee"].tolist() == [True, False, False, True]
    assert all(mask.dtype == np.bool_ for mask in strata.values())


def test_values_that_two_columns_share_are_told_apart(build, folder):
    for subset in ("dev", "test"):
        frame = pd.read_csv(folder / f"{subset}.csv")
        frame["fold"] = [1, 1, 2, 2, 2, 2]
        frame["room"] = ["1", "all", "9", "9", "9", None]
        frame.to_csv(folder / f"{subset}.csv", index=False)

    strata = build(stratify=["fold", "room"]).strata("test")

    assert list(strata) == ["fold=1", "2", "room=1", "room=all", "9", "nan"]
    assert strata["fold=1"].tolist() == [True, True, False, False, False, False]


def test_nothing_is_stratified_unless_asked_for(build):
    assert build().strata("dev") == {}


def test_metrics_and_handlers_are_built_from_shorthand(build):
    dataset = build(metrics=["autrainer.metrics.Accuracy", {"autrainer.metrics.UAR": None}])

    assert [metric.name for metric in dataset.metrics] == ["accuracy", "uar"]
    assert isinstance(dataset.tracking_metric, Accuracy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features_path": "/nowhere"}, "dataset.features_path: there is no folder"),
        ({"features_subdir": "log_mel"}, "dataset.features_subdir: there is no folder"),
        ({"features_subdir": None}, "data/default"),
        ({"seed": -1}, "seed of a dataset is -1"),
        ({"seed": 2**32}, "seed of a dataset is 4294967296"),
        ({"stratify": ["town"]}, r"dev.csv: there is no column 'town'"),
        ({"target_column": ["label"]}, "one column"),
    ],
)
def test_arguments_that_cannot_be_are_refused_at_once(build, changes, message):
    with pytest.raises(ConfigError, match=message):
        build(**changes)


def test_multi_label_data_cannot_be_stratified(build):
    with pytest.raises(ConfigError, match="ml-classification"):
        build("ml-classification", stratify=["city"])


@pytest.mark.parametrize("changes", [{"threshold": 2}, {"target_column": []}])
def test_multi_label_arguments_are_checked(build, changes):
    with pytest.raises(ConfigError, match=r"threshold|target_column"):
        build("ml-classification", **changes)


def test_an_unknown_task_is_named_with_the_nearest_one():
    class Mine(AbstractDataset):
        target_transform = LabelEncoder(["a"])

    metric = "autrainer.metrics.Accuracy"
    handler = "autrainer.datasets.utils.IdentityFileHandler"
    with pytest.raises(ConfigError, match=r"'clasification'.*did you mean 'classification'"):
        Mine(".", "", 0, "clasification", [metric], metric, "file", "label", None, handler)


@pytest.mark.parametrize("task", ["regression", "mt-regression"])
def test_targets_of_regression_can_be_scaled_without_bounds(build, folder, task):
    frame = pd.read_csv(folder / "train.csv")
    dataset = build(task, target_scaling="standard")
    transform = dataset.target_transform

    columns = ["age"] if task == "regression" else ["age", "loud"]
    assert np.ravel(transform.mean).tolist() == pytest.approx(frame[columns].mean().tolist())
    assert np.ravel(transform.std).tolist() == pytest.approx(frame[columns].std(ddof=0).tolist())
    targets = dataset.train_dataset.targets.double().reshape(12, -1)
    assert targets.mean(dim=0).tolist() == pytest.approx([0] * len(columns), abs=1e-6)
    assert type(build(task).target_transform).__name__.endswith("MinMaxScaler")


def test_an_unknown_scaling_is_named_with_the_nearest_one(build):
    with pytest.raises(ConfigError, match=r"target_scaling is 'minmax'.*did you mean 'min-max'"):
        build("regression", target_scaling="minmax")
