"""Runs with augmentations that change more than single samples."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.augmentations import AugmentationPipeline
from autrainer.data.file_handlers import NumpyFileHandler
from autrainer.data.items import DataBatch
from autrainer.data.loader import Loader
from autrainer.data.targets import LabelEncoder
from autrainer.datasets.wrapper import DatasetWrapper
from autrainer.transforms import ScaleRange, SmartCompose
from tests.training.conftest import same_states, state, trained


@pytest.mark.parametrize("name", ["MixUp", "SampleGaussianWhiteNoise"])
def test_a_run_trains_with_an_augmentation_that_knows_its_batch_or_split(name, tmp_path):
    table = tmp_path / "snr.csv"
    table.write_text("snr\n" + "10\n" * 24)
    entries = {
        "MixUp": {"alpha": 0.8},
        "SampleGaussianWhiteNoise": {"snr_df": str(table), "snr_col": "snr"},
    }
    run = trained(tmp_path, augmentation=augmentation(name, entries[name])).output_directory
    outputs = np.load(run / "epoch_2" / "train_outputs.npy")
    assert np.isfinite(outputs).all()


def test_targets_of_mixed_batches_are_kept_as_they_were_trained_on(tmp_path):
    run = trained(tmp_path, augmentation=augmentation("MixUp", {})).output_directory
    targets = np.load(run / "epoch_2" / "train_targets.npy")
    assert (targets.shape, targets.dtype) == ((24, 10), np.float32)
    assert targets.sum(axis=1) == pytest.approx(1)
    assert ((targets > 0.001) & (targets < 0.999)).any()


@pytest.mark.slow  # starts worker processes
def test_mixed_batches_are_the_same_whoever_makes_them(tmp_path):
    states = []
    for num_workers in (0, 2):
        options = {"train_loader_kwargs": {"num_workers": num_workers}}
        mixed = augmentation("MixUp", {})
        run = trained(tmp_path, name=f"run{num_workers}", augmentation=mixed, **options)
        states.append(state(run.output_directory, "epoch_2"))
    assert same_states(*states)


@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
@pytest.mark.parametrize("resident_mb", [0, 100])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_mixed_batches_need_no_items(tmp_path, name, resident_mb, num_workers):
    for number in range(10):
        np.save(tmp_path / f"{number}.npy", np.random.default_rng(number).random((1, 6, 5)))
    frame = pd.DataFrame({"file": [f"{i}.npy" for i in range(10)], "label": [*"abbcacabca"]})
    pipeline = [{f"autrainer.augmentations.{name}": {}}, "autrainer.augmentations.GaussianNoise"]
    transforms = [*AugmentationPipeline(pipeline).create_pipeline().transforms, ScaleRange()]
    encoder = LabelEncoder([*"abc"])
    split = DatasetWrapper(
        str(tmp_path), "", "file", "label", NumpyFileHandler(), frame,
        transform=SmartCompose(transforms), target_transform=encoder,
    )  # fmt: skip
    data = SimpleNamespace(output_dim=3, default_collate_fn=DataBatch.collate)
    collate = split.transform.get_collate_fn(data)
    options = {"batch_size": 4, "seed": 1, "shuffle": True, "resident_mb": resident_mb}
    fast = Loader(split, collate_fn=collate, num_workers=num_workers, **options)
    by_items = Loader(split, collate_fn=lambda items: collate(items), **options)
    for _ in range(2):
        for one, other in zip(fast, by_items, strict=True):
            assert torch.equal(one.features, other.features)
            assert torch.equal(one.target, other.target)
            assert one.target.shape[1:] == (3,)
    names = {0: "files", 100: "arrays"}
    assert (fast._path.name, by_items._path.name) == (names[resident_mb], "items")
    fast.close()


def augmentation(name, arguments):
    return {
        "id": name,
        "_target_": "autrainer.augmentations.AugmentationPipeline",
        "pipeline": [{f"autrainer.augmentations.{name}": arguments}],
    }
