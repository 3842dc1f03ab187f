"""One epoch on a resident table of 100,000 x 64, batch 32, beside a loop written by hand."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import autrainer
from autrainer.runs.stages import DATA, MODEL, OUTPUTS, TRANSFER
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


def hand_written_loop(*, fused=None):
    """What a user would write: nothing saved, nobody told."""
    torch.manual_seed(1)
    features = torch.rand(SAMPLES * 8 // 10, FEATURES)
    targets = torch.randint(0, CLASSES, (len(features),))
    model = torch.nn.Sequential(
        torch.nn.Linear(FEATURES, 64),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(64, CLASSES),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=fused)
    criterion = torch.nn.CrossEntropyLoss()

    def epoch():
        model.train()
        for rows in torch.randperm(len(features)).split(BATCH):
            optimizer.zero_grad()
            loss = criterion(model(features[rows]), targets[rows])
            loss.backward()
            optimizer.step()

    return epoch


def trainer_on(tmp_path, *overrides):
    """The trainer on the same task, outputs kept and saved."""
    with initialize_config_dir(str(CONF), version_base=None):
        cfg = compose("config", [*OVERRIDES, *overrides])
    OmegaConf.set_struct(cfg, False)
    OmegaConf.resolve(cfg)
    return ModularTaskTrainer(cfg, tmp_path / "exp" / "training" / "run")


def trainer_epoch(trainer):
    step = trainer.training_step()

    def epoch():
        trainer.begin(1)
        for batch_idx, batch in enumerate(trainer.train_loader):
            step(1, batch_idx, batch)
        trainer.train_timer.stop()
        trainer.train_tracker.save("epoch_1")

    return epoch


HAND, TRAINER = "hand-written loop", "trainer, outputs saved"

CASES = {
    "default Adam, one thread": (1, None),
    "default Adam, threads as each chooses": (None, None),
    "fused Adam, one thread": (1, True),
}
"""Intra-op threads of the hand-written loop (the trainer takes one by its rule), and `fused`."""


# All hand-written loops first: a trainer makes the steps of torch's own class lighter.
@pytest.mark.parametrize(
    ("who", "case"), [(who, case) for who in (HAND, TRAINER) for case in CASES]
)
def test_epoch_on_a_resident_table(benchmark, tmp_path, who, case):
    threads, fused = CASES[case]
    benchmark.group = f"train: one epoch of 2,500 steps, FFNN 64-64-10, {case}"
    options = {"rounds": 7, "iterations": 1, "warmup_rounds": 1}
    if who == HAND:
        before = torch.get_num_threads()
        torch.set_num_threads(threads or before)
        benchmark.pedantic(hand_written_loop(fused=fused), **options)
        torch.set_num_threads(before)
        return
    trainer = trainer_on(tmp_path, *(["+optimizer.fused=true"] if fused else []))
    with trainer.threads():
        benchmark.pedantic(trainer_epoch(trainer), **options)
    trainer.close()


@pytest.mark.benchmark(group="train: the marks of the waiting line beside their step")
@pytest.mark.parametrize("what", ["four marks", "one step"])
def test_cost_of_the_waiting_line(benchmark, tmp_path, what):
    trainer = trainer_on(tmp_path)
    step, batches, enter = trainer.training_step(), iter(trainer.train_loader), trainer.clock.enter

    def four_marks():
        for stage in (DATA, TRANSFER, MODEL, OUTPUTS):
            enter(stage)

    with trainer.threads():
        run = four_marks if what == "four marks" else lambda: step(1, 0, next(batches))
        benchmark.pedantic(run, rounds=1_000, iterations=1, warmup_rounds=100)
    trainer.close()
