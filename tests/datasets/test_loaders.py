"""What a dataset's loaders give: on every path the bytes of its items."""

import logging

import numpy as np
import pytest
import torch

from autrainer.augmentations import GaussianNoise, TimeMask
from autrainer.data.file_handlers import NumpyFileHandler
from autrainer.data.items import DataBatch
from autrainer.datasets import BaseClassificationDataset, DatasetWrapper
from autrainer.errors import DataError
from autrainer.runs.random.keys import keyed
from autrainer.transforms import AbstractTransform, Expand, Normalize, ScaleRange, SmartCompose

SHAPE = (1, 6, 8)


@pytest.fixture
def images(folder):
    """The files of the folder hold random images of 8 bit now."""
    rng = np.random.default_rng(0)
    for number in range(24):
        path = folder / "features" / f"{number}.npy"
        np.save(path, rng.integers(0, 256, SHAPE, dtype=np.uint8))


def by_items(dataset, batch_size, epoch):
    """The oracle: items of the dataset one by one, each under its key."""
    loader = dataset.create_train_loader(batch_size)
    loader.start_at(epoch)
    for batch in loader:
        items = []
        for index in batch.index.tolist():
            with keyed(dataset.seed, epoch, index):
                items.append(dataset.train_dataset[index])
        yield DataBatch.collate(items)


def same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        for name in ("features", "target", "index"):
            value, expected = getattr(one, name), getattr(other, name)
            assert value.dtype == expected.dtype, name
            assert value.numpy().tobytes() == expected.numpy().tobytes(), name
    return True


TRANSFORMS = {
    "none": [],
    "fixed": [Normalize([100.0], [50.0])],
    "two fixed": [ScaleRange([0, 1]), Expand(size=9, axis=-1)],
    "random": [GaussianNoise(generator_seed=3)],
    "fixed, then random": [Expand(size=9), TimeMask(4, axis=0, p=0.7), Normalize([9.0], [5.0])],
}


@pytest.mark.parametrize("transforms", TRANSFORMS)
@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("resident_mb", [0, 64])
@pytest.mark.usefixtures("images")
def test_every_path_gives_what_the_items_are(build, transforms, num_workers, resident_mb):
    dataset = build(train_transform=SmartCompose(TRANSFORMS[transforms]))
    loader = dataset.create_train_loader(5, num_workers, resident_mb=resident_mb)

    for epoch in range(2):
        assert same(loader, by_items(dataset, 5, epoch))
    loader.close()


class Foreign(AbstractTransform):
    """Code of a user: draws from the global generators."""

    def __init__(self, order=0):
        super().__init__(order=order)

    def __call__(self, item):
        item.features = item.features + torch.rand(()) + np.random.random()
        return item


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.usefixtures("images")
def test_transforms_of_users_draw_the_same_in_any_number_of_processes(build, caplog):
    caplog.set_level(logging.DEBUG, "autrainer")
    dataset = build(train_transform=SmartCompose([Foreign(), GaussianNoise(generator_seed=1)]))
    alone, workers = (dataset.create_train_loader(5, count) for count in (0, 2))

    assert same([*alone, *alone], [*workers, *workers])
    workers.close()
    assert "path 'items'" in caplog.messages[0]
    assert "path 'workers'" in caplog.messages[1]
    assert "Foreign" in caplog.messages[1]


class Untouched(AbstractTransform):
    def __call__(self, item):
        return item


class OwnItems(DatasetWrapper):
    def __getitem__(self, index):
        return super().__getitem__(index)


class OwnHandler(NumpyFileHandler):
    def load(self, file):
        return super().load(file)


def own_collate(items):
    return DataBatch.collate(items)


class Collating(Untouched):
    def get_collate_fn(self, dataset, default):
        return own_collate


class WithOwnItems(BaseClassificationDataset):
    def _init_dataset(self, df, transform):
        samples = super()._init_dataset(df, transform)
        samples.__class__ = OwnItems
        return samples


OWN = {
    "items": {"kind": WithOwnItems},
    "transform": {"steps": [Untouched(order=99)]},
    "collate function": {"steps": [Collating(order=99)]},
    "file handler": {"file_handler": f"{__name__}.OwnHandler"},
}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(("num_workers", "prefetch"), [(0, None), (1, 1), (1, 4), (2, 1), (2, 3)])
@pytest.mark.parametrize("own", OWN)
def test_code_of_users_that_changes_nothing_gives_the_bytes_of_ours(
    build, own, num_workers, prefetch
):
    steps = [GaussianNoise(generator_seed=3), TimeMask(4, axis=0, p=0.7)]
    changes = dict(OWN[own])
    changes["train_transform"] = SmartCompose([*steps, *changes.pop("steps", [])])
    options = {"batch_size": 5, "drop_last": True}
    ours = build(train_transform=SmartCompose(steps)).create_train_loader(**options)
    theirs = build(**changes).create_train_loader(
        num_workers=num_workers, prefetch_factor=prefetch, **options
    )

    assert same([*ours, *ours], [*theirs, *theirs])
    ours.start_at(4)
    theirs.start_at(4)
    assert same([next(iter(theirs))], [next(iter(ours))])
    # Begun and broken off by ours, gone on with by theirs.
    passing = iter(ours)
    next(passing)
    theirs.load_state_dict(ours.state_dict())
    assert same(passing, theirs)
    theirs.close()


def test_code_of_users_takes_the_way_it_was_written_for(build, caplog):
    caplog.set_level(logging.DEBUG, "autrainer")

    class Doubling(DatasetWrapper):
        def load_features(self, index):
            return super().load_features(index) * 2

    class Mine(BaseClassificationDataset):
        def _init_dataset(self, df, transform):
            return Doubling(
                self.path, self.features_subdir, self.index_column, self.target_column,
                self.file_handler, df, self.file_type, transform, self.target_transform,
            )  # fmt: skip

    class Handler(NumpyFileHandler):
        def load(self, file):
            return super().load(file) + 1

    dataset = build(kind=Mine)
    other = build()
    other.file_handler = Handler()

    assert next(iter(dataset.create_dev_loader(6))).features[:, 0].tolist() == [
        2.0 * number for number in range(12, 18)
    ]
    assert next(iter(other.create_dev_loader(6))).features[0, 0] == 13
    assert "Doubling loads features in its own way" in caplog.messages[0]
    assert "files of Handler are read by Python" in caplog.messages[1]


def test_files_of_different_shapes_are_told(build, folder):
    np.save(folder / "features" / "3.npy", np.zeros(4))

    for options in ({}, {"resident_mb": 0}, {"resident_mb": 0, "num_workers": 2}):
        loader = build().create_train_loader(4, **options)
        with pytest.raises(DataError, match=r"3\.npy: expected features of shape \(3,\)"):
            list(loader)
        loader.close()


def test_shapes_may_differ_until_a_transform_evens_them_out(build, folder):
    for number in range(12):
        np.save(folder / "features" / f"{number}.npy", np.ones((1, number + 1), dtype=np.float32))
    dataset = build(train_transform=SmartCompose([Expand(size=12, axis=-1)]))

    for options in ({}, {"resident_mb": 0}, {"resident_mb": 0, "num_workers": 2}):
        loader = dataset.create_train_loader(4, **options)
        assert same(loader, by_items(dataset, 4, 0))
        loader.close()


def test_padding_is_an_option_of_every_loader(build, folder):
    for number in range(12, 18):
        np.save(folder / "features" / f"{number}.npy", np.ones(number - 10, dtype=np.float32))

    (batch,) = build().create_dev_loader(6, pad={"to": "longest"})

    assert batch.lengths.tolist() == [2, 3, 4, 5, 6, 7]
    assert batch.features.sum(dim=1).tolist() == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"resident_mb": 0}])
def test_features_that_are_not_finite_name_their_file(build, folder, options):
    np.save(folder / "features" / "14.npy", np.array([1, np.nan, 2]))

    loader = build().create_dev_loader(2, **options)

    with pytest.raises(DataError, match=r"14\.npy: expected finite features"):
        list(loader)
    loader.close()
    assert len(list(build().create_dev_loader(2, nonfinite="ignore", **options))) == 3
