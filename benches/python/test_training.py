"""One epoch on a resident table of 100,000 x 64, batch 32, beside a loop written by hand."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import autrainer
from autrainer.runs.stage_clock import DATA, MODEL, OUTPUTS, TRANSFER
from autrainer.training import ModularTaskTrainer

REPOSITORY = Path(__file__).parents[2]
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


def hand_written_loop(*, fused=None, extra=""):
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
    follow = torch.optim.swa_utils.get_ema_multi_avg_fn(0.999)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=follow)
    parts = BATCH // MICRO if extra == "accumulate" else 1

    def epoch():
        model.train()
        for rows in torch.randperm(len(features)).split(BATCH):
            optimizer.zero_grad()
            for part in rows.chunk(parts):
                loss = criterion(model(features[part]), targets[part])
                (loss / parts if parts > 1 else loss).backward()
            if extra == "clip":
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if extra == "ema":
                average.update_parameters(model)

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
        trainer.period().begin(1)
        for batch_idx, batch in enumerate(trainer.train_loader):
            step(1, batch_idx, batch)
        trainer.train_timer.stop()
        trainer.train_tracker.save("epoch_1")

    return epoch


HAND, TRAINER = "hand-written loop", "trainer, outputs saved"

CASES = {
    "torch's default Adam": (False, False),
    "fused Adam": (True, True),
    "Adam as each makes it by itself": (None, False),
}
"""Whether the trainer's Adam is fused (None leaves it to the trainer), and whether the other is."""


MICRO = 8
EXTRAS = {
    "accumulate": f"micro_batch_size={MICRO}",
    "clip": "max_grad_norm=1.0",
    "ema": "++ema={decay: 0.999, warmup: false}",
}
"""What both do beside: gradients of parts added up, their norm limited, weights averaged."""


@pytest.mark.parametrize("case", [*CASES, *EXTRAS])
@pytest.mark.parametrize("who", [HAND, TRAINER])
def test_epoch_on_a_resident_table(benchmark, case, who):
    """Each in a process of its own, as users train: what ran before in a process slows the rest."""
    benchmark.group = f"train: one epoch of 2,500 steps, FFNN 64-64-10, {case}"
    command = [sys.executable, __file__, who, case]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=REPOSITORY, **pipes) as process:

        def epoch():
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        benchmark.pedantic(epoch, rounds=7, iterations=1, warmup_rounds=1)
        process.stdin.close()


def train_when_asked(who, case):
    """Train an epoch for every line that comes in."""
    trainer_fused, hand_fused = CASES.get(case, (None, True))
    if who == HAND:
        return answer(hand_written_loop(fused=hand_fused or None, extra=case))
    option = [] if trainer_fused is None else [f"+optimizer.fused={str(trainer_fused).lower()}"]
    option += [EXTRAS[case]] if case in EXTRAS else []
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_on(Path(folder), *option)
        with trainer.threads():
            answer(trainer_epoch(trainer))
        trainer.close()


def answer(epoch):
    for _ in sys.stdin:
        epoch()
        print("done", flush=True)


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


if __name__ == "__main__":
    train_when_asked(*sys.argv[1:])
