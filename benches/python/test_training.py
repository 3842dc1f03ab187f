"""One epoch on a resident table of 100,000 x 64, batch 32, beside a loop written by hand."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import autrainer
from autrainer.training import ModularTaskTrainer

CONF = Path(autrainer.__file__).parent.resolve() / "conf"

SAMPLES, FEATURES, CLASSES, BATCH = 100_000, 64, 10, 32
"""80 % of the samples train: 2,500 steps an epoch."""

OVERRIDES = [
    f"dataset.size={SAMPLES}",
    "dataset.dev_split=0.1",
    "dataset.test_split=0.1",
    "+seed=1",
    f"+batch_size={BATCH}",
    "+learning_rate=0.001",
    "iterations=1",
    "device=cpu",
    "reproducible=false",
    "continue_training=false",
]


def hand_written_loop():
    """What a user would write: default settings, nothing saved, nobody told."""
    torch.manual_seed(1)
    features = torch.rand(SAMPLES * 8 // 10, FEATURES)
    targets = torch.randint(0, CLASSES, (len(features),))
    model = torch.nn.Sequential(
        torch.nn.Linear(FEATURES, 64),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(64, CLASSES),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    criterion = torch.nn.CrossEntropyLoss()

    def epoch():
        model.train()
        for rows in torch.randperm(len(features)).split(BATCH):
            optimizer.zero_grad()
            loss = criterion(model(features[rows]), targets[rows])
            loss.backward()
            optimizer.step()

    return epoch


def trainer_on(tmp_path, number):
    """The trainer on the same task, default settings, outputs kept and saved."""
    with initialize_config_dir(str(CONF), version_base=None):
        cfg = compose("config", OVERRIDES)
    OmegaConf.set_struct(cfg, False)
    OmegaConf.resolve(cfg)
    return ModularTaskTrainer(cfg, tmp_path / "exp" / "training" / f"run{number}")


def trainer_epoch(trainer):
    step = trainer.training_step()

    def epoch():
        trainer.begin(1)
        for batch_idx, batch in enumerate(trainer.train_loader):
            step(1, batch_idx, batch)
        trainer.train_timer.stop()
        trainer.train_tracker.save("epoch_1")

    return epoch


@pytest.mark.benchmark(group="train: one epoch of 2,500 steps, FFNN 64-64-10, default Adam")
@pytest.mark.parametrize("who", ["hand-written loop", "trainer, outputs saved"])
def test_epoch_on_a_resident_table(benchmark, tmp_path, who):
    if who == "hand-written loop":
        benchmark.pedantic(hand_written_loop(), rounds=7, iterations=1, warmup_rounds=1)
        return
    trainer = trainer_on(tmp_path, 0)
    with trainer.threads():
        benchmark.pedantic(trainer_epoch(trainer), rounds=7, iterations=1, warmup_rounds=1)
    trainer.close()
