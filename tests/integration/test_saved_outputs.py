"""What a run saved, computed again from the model that it saved."""

import numpy as np
import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from autrainer.training import ModularTaskTrainer
from tests.conftest import CONF
from tests.integration.conftest import read

TASKS = ("ToyTabular-C", "ToyTabular-MLC", "ToyTabular-R", "ToyTabular-MTR")


def trained(folder, *overrides):
    """Train in this process; returns the trainer, whose model is the best one."""
    with initialize_config_dir(str(CONF), version_base=None):
        base = ["dataset.size=150", "iterations=3", "device=cpu", "progress_bar=false"]
        base += ["plotting=None"]
        given = ["+seed=1", "+batch_size=16", "+learning_rate=0.01"]
        cfg = compose("config", [*base, *given, *overrides])
    OmegaConf.set_struct(cfg, False)
    OmegaConf.resolve(cfg)
    trainer = ModularTaskTrainer(cfg, folder / "experiment" / "training" / "run")
    trainer.train()
    return trainer


@pytest.mark.parametrize("task", TASKS)
def test_outputs_losses_predictions_and_metrics_agree_with_the_saved_model(task, tmp_path):
    trainer = trained(tmp_path, f"dataset={task}")
    run = trainer.output_directory
    saved = torch.load(run / "_best" / "model.pt", weights_only=True)
    assert all(torch.equal(saved[k], v) for k, v in trainer.model.state_dict().items())
    for subset, folder in (("dev", "_best"), ("test", "_test")):
        indices = np.load(run / folder / f"{subset}_indices.npy")
        dataset = getattr(trainer.data, f"{subset}_dataset")
        assert np.array_equal(indices, np.arange(len(dataset)))
        items = [dataset[int(i)] for i in indices]
        features = torch.stack([item.features for item in items])
        targets = torch.stack([torch.as_tensor(item.target) for item in items])
        encode = trainer.data.target_transform
        with torch.no_grad():
            outputs = trainer.model.eval()(features)
            losses = trainer.criterion(encode.probabilities_training(outputs), targets)
        np.testing.assert_allclose(
            np.load(run / folder / f"{subset}_outputs.npy"), outputs, rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(
            np.load(run / folder / f"{subset}_losses.npy"), losses, rtol=1e-5, atol=1e-6
        )
        np.testing.assert_array_equal(np.load(run / folder / f"{subset}_targets.npy"), targets)
        predictions = encode.predict_array(encode.probabilities_inference(outputs))
        results = read(run / folder / ("dev.yaml" if subset == "dev" else "test_holistic.yaml"))
        for metric in trainer.data.metrics:
            expected = metric(targets.numpy(), predictions)
            assert results[metric.name]["all"] == pytest.approx(expected, abs=1e-6)
        loss = results["dev_loss" if subset == "dev" else "loss"]["all"]
        assert loss == pytest.approx(losses.mean().item(), rel=1e-5)
        table = pd.read_csv(run / folder / f"{subset}_results.csv")
        decoded = [encode.decode(p) for p in predictions.tolist()]
        assert len(table) == len(decoded)
        assert str(decoded[0]) == str(table["predictions"][0]) or table["predictions"][
            0
        ] == pytest.approx(decoded[0], rel=1e-5)


def test_the_training_loss_is_the_mean_over_samples(tmp_path):
    trainer = trained(tmp_path, "batch_size=64", "iterations=1")
    losses = np.load(trainer.output_directory / "epoch_1" / "train_losses.npy")
    assert len(losses) % 64 != 0
    assert trainer.metrics["train_loss"][1] == pytest.approx(losses.mean(), rel=1e-6)


def test_every_training_sample_is_seen_once_an_epoch(tmp_path):
    trainer = trained(tmp_path)
    for epoch in (1, 2, 3):
        indices = np.load(trainer.output_directory / f"epoch_{epoch}" / "train_indices.npy")
        assert np.array_equal(np.sort(indices), np.arange(len(trainer.data.train_dataset)))
        assert not np.array_equal(indices, np.sort(indices))


def test_splits_of_one_sample_work(tmp_path):
    for task in TASKS:
        folder = tmp_path / task
        sizes = ("dataset.size=100", "dataset.dev_split=0.01", "dataset.test_split=0.01")
        trainer = trained(folder, f"dataset={task}", *sizes)
        assert len(np.load(trainer.output_directory / "_test" / "test_indices.npy")) == 1
