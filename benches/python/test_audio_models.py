"""A step of `Cnn10`, batch 16, by the trainer beside the same network in a loop written by hand.

`python benches/python/test_audio_models.py` takes turns in one process and prints what our share of
the step is: on a shared machine two processes differ by more than that.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import autrainer
from autrainer.models import Cnn10
from autrainer.training import ModularTaskTrainer

CONF = Path(autrainer.__file__).parent.resolve() / "conf"
BATCH, CLASSES = 16, 10
OVERRIDES = [
    *("dataset=ToyAudio-C", "dataset.feature_shape=[1,101,64]", "dataset.transform.type=grayscale"),
    *("dataset.size=200", "model=Cnn10", "device=cpu", "iterations=1"),
    *("+seed=1", f"+batch_size={BATCH}", "+learning_rate=0.001", "reproducible=false"),
    *("continue_training=false", "progress_bar=false"),
]


def trainer_in(folder):
    """The trainer: outputs are kept, losses summed up, listeners told."""
    with initialize_config_dir(str(CONF), version_base=None):
        cfg = compose("config", OVERRIDES)
    OmegaConf.set_struct(cfg, False)
    OmegaConf.resolve(cfg)
    return ModularTaskTrainer(cfg, Path(folder) / "exp" / "training" / "run")


def step_of_trainer(trainer, batch):
    step = trainer.training_step()
    trainer.period().begin(1)
    return lambda: step(1, 0, batch)


def step_by_hand(batch):
    torch.manual_seed(1)
    model = Cnn10(CLASSES).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=True)
    criterion = torch.nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        criterion(model(batch.features), batch.target).backward()
        optimizer.step()

    return step


@pytest.mark.parametrize("who", ["loop written by hand", "trainer, outputs kept"])
def test_step_of_cnn10(benchmark, tmp_path, who):
    benchmark.group = "train: a step of Cnn10, 16 spectrograms of (1, 101, 64)"
    trainer = trainer_in(tmp_path)
    with trainer.threads():
        batch = next(iter(trainer.train_loader))
        is_ours = who.startswith("trainer")
        step = step_of_trainer(trainer, batch) if is_ours else step_by_hand(batch)
        benchmark.pedantic(step, rounds=10, iterations=1, warmup_rounds=2)
    trainer.close()


def shares(rounds):
    """Seconds of the processor of each step, by hand and by the trainer, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_in(folder)
        with trainer.threads():
            batch = next(iter(trainer.train_loader))
            steps = {"by hand": step_by_hand(batch), "trainer": step_of_trainer(trainer, batch)}
            seconds = {name: [] for name in steps}
            for turn in range(rounds + 2):
                for name in sorted(steps, reverse=turn % 2 == 0):
                    began = time.process_time()
                    steps[name]()
                    if turn > 1:
                        seconds[name].append(time.process_time() - began)
        trainer.close()
    return seconds


if __name__ == "__main__":
    found = shares(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
    medians = {name: statistics.median(each) for name, each in found.items()}
    for name, each in found.items():
        print(f"{name}: {medians[name] * 1e3:.1f} ms, at least {min(each) * 1e3:.1f} ms")
    print(f"share: {medians['trainer'] / medians['by hand'] - 1:+.2%} (medians)")
