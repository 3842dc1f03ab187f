"""How tests of the trainer get one: composed in this process, on toy data or files."""

import logging
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from autrainer.training import ModularTaskTrainer
from tests.conftest import CONF

GROUPS = ("dataset", "model", "optimizer", "scheduler", "augmentation")
SMALL = (
    *("dataset=ToyTabular-C", "model=ToyFFNN", "optimizer=SGD", "scheduler=None"),
    *("dataset.size=40", "model.hidden_size=8", "iterations=2", "device=cpu"),
    *("progress_bar=false", "continue_training=false"),
    *("seed=1", "batch_size=16", "learning_rate=0.1"),
)
"""24 training samples in two batches, 8 of dev and 8 of test in one."""

TARGETS = {
    "Classification": ("label", "CrossEntropyLoss", "Accuracy"),
    "MLClassification": (["wet", "loud"], "BCEWithLogitsLoss", "MLF1Macro"),
    "Regression": ("age", "MSELoss", "MSE"),
    "MTRegression": (["age", "height"], "MSELoss", "MAE"),
}
"""Columns, criterion and metric of each task of the data that `csv_data` writes."""


@cache
def _composed(*groups):
    with initialize_config_dir(str(CONF), version_base=None):
        cfg = compose("config", list(groups))
    OmegaConf.set_struct(cfg, False)
    return cfg


def configured(*overrides, **changes):
    """A resolved configuration; `changes` replace whole keys, dots written as two underscores."""
    chosen = dict(text.lstrip("+").split("=", 1) for text in (*SMALL, *overrides))
    groups = [f"{group}={chosen.pop(group)}" for group in GROUPS if group in chosen]
    # Composing takes longer than training, so single values are set without it.
    values = OmegaConf.from_dotlist([f"{key}={value}" for key, value in chosen.items()])
    cfg = OmegaConf.merge(_composed(*groups), values)
    cfg.plotting = {}
    for key, value in changes.items():
        OmegaConf.update(cfg, key.replace("__", "."), value, merge=False, force_add=True)
    OmegaConf.resolve(cfg)
    return cfg


def built(folder, *overrides, name="run", **changes):
    """A trainer that has not trained yet."""
    run = folder / "experiment" / "training" / name
    cfg = configured(*overrides, **changes)
    return ModularTaskTrainer(cfg, run)


def trained(folder, *overrides, name="run", **changes):
    """A trainer that has trained."""
    trainer = built(folder, *overrides, name=name, **changes)
    trainer.train()
    return trainer


def num_updates_made(trainer):
    """Train with `precision=fp16`; how many updates were made, of which the first were not."""
    # The first scales are too large for float16, so the first updates are left out.
    trainer.precision.scaler.load_state_dict(
        {**trainer.precision.scaler.state_dict(), "scale": 2.0**24}
    )
    made = []

    class Counting:
        def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
            made.append(trainer.update.was_made)

    trainer.callback_manager.register(Counting())
    trainer.train()
    assert 0 < sum(made) < len(made)
    return sum(made)


def state(run, folder, name="model.pt"):
    """A state that a run has saved."""
    return torch.load(run / folder / name, weights_only=True)


def same_states(one, two):
    """Whether two states of models are equal bit for bit."""
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def damage(path):
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.fixture(autouse=True)
def _trainers_give_everything_back(request):
    """Log handlers, threads of torch and its determinism are as they were before the test."""
    handlers = list(logging.getLogger().handlers)
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    assert logging.getLogger().handlers == handlers
    assert torch.get_num_threads() == threads
    torch._C._set_deterministic_algorithms(strict, warn_only=False)


@pytest.fixture
def csv_data(tmp_path):
    """A folder of `.npy` files, with the index of each frame's rows not starting at zero."""
    folder = tmp_path / "data"
    (folder / "features").mkdir(parents=True)
    rng = np.random.default_rng(0)
    first = 0
    for subset, rows in (("train", 24), ("dev", 10), ("test", 9)):
        numbers = np.arange(first, first + rows)
        first += rows
        for number in numbers:
            np.save(folder / "features" / f"{number}.npy", rng.random(4, dtype=np.float32))
        pd.DataFrame(
            {
                "file": [f"{number}.wav" for number in numbers],
                "label": np.array(["cat", "ant", "bee"])[numbers % 3],
                "age": numbers % 7 * 1.5,
                "height": numbers % 5 - 2.0,
                "wet": numbers % 2,
                "loud": (numbers % 3 == 0).astype(int),
                "district": numbers % 3 + 1,
                "city": np.array(["Ulm", "Rom"])[numbers % 2],
            }
        ).to_csv(folder / f"{subset}.csv", index=False)
    return folder


@pytest.fixture
def csv_run(csv_data):
    """Changes of a configuration that train on `csv_data`: `csv_run("Regression", stratify=…)`."""

    def changes(task, **options):
        column, criterion, metric = TARGETS[task]
        dataset = {
            "id": "Files",
            "_target_": f"autrainer.datasets.Base{task}Dataset",
            "path": str(csv_data),
            "features_subdir": "features",
            "index_column": "file",
            "target_column": column,
            "file_type": "npy",
            "file_handler": "autrainer.datasets.utils.NumpyFileHandler",
            "criterion": f"autrainer.criterions.{criterion}",
            "metrics": [f"autrainer.metrics.{metric}"],
            "tracking_metric": f"autrainer.metrics.{metric}",
            "transform": {"type": "tabular"},
        }
        return {"dataset": {**dataset, **options}, "model__input_size": 4}

    return changes
