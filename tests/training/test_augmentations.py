"""Runs with augmentations that change more than single samples."""

import numpy as np
import pytest

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


def augmentation(name, arguments):
    return {
        "id": name,
        "_target_": "autrainer.augmentations.AugmentationPipeline",
        "pipeline": [{f"autrainer.augmentations.{name}": arguments}],
    }
