"""Any configuration that is valid trains; any that is damaged is told about, or was not damaged.

`CONFIG_EXAMPLES=2000 HYPOTHESIS_PROFILE=torture` looks at others, and at more of them.
"""

import os
import tempfile
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autrainer.errors import AutrainerError, DataError, NonFiniteLossError
from autrainer.runs.status import read_status
from autrainer.training import ModularTaskTrainer
from tests.training.any_config import damaged, paths, valid

EXAMPLES = int(os.environ.get("CONFIG_EXAMPLES", "12"))
# Many trainings in one test: on a busy machine they take longer than any other test may.
pytestmark = pytest.mark.timeout(900)
moderately = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def trained(config):
    """A trainer that has trained in a folder of its own."""
    folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
    trainer = ModularTaskTrainer(config, folder / "experiment" / "training" / "run")
    trainer.train()
    return trainer


def message_of(config):
    """What is said of a configuration; None if it trains, or if its numbers are what is wrong."""
    try:
        trained(config)
    except (NonFiniteLossError, DataError):
        return None
    except AutrainerError as error:
        return str(error)
    return None


def evaluated_iterations(config):
    every, last = config["eval_frequency"], config["iterations"]
    return sorted({*range(every, last + 1, every), last})


@given(config=valid())
@moderately
def test_any_valid_configuration_trains_and_leaves_a_folder_that_reads_back(config):
    trainer = trained(config)
    run = trainer.output_directory
    table = pd.read_csv(run / "metrics.csv")
    assert table["iteration"].tolist() == evaluated_iterations(config)
    assert table[["train_loss", "dev_loss"]].notna().all(axis=None)
    best = torch.load(run / "_best" / "model.pt", weights_only=True)
    trainer.model.load_state_dict(best)
    assert read_status(run)["state"] == "finished"
    assert (run / "_test" / "test_outputs.npy").is_file() == config["save_test_outputs"]


@given(data=st.data())
@moderately
# Of a layer without neurons, which torch takes.
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning")
def test_any_damaged_configuration_trains_or_is_told_about_with_its_key(data):
    config, path = data.draw(damaged(data.draw(valid())))
    names = [step for step in path if isinstance(step, str)]
    message = message_of(config)
    assert message is None or any(name in message for name in names), (path, message)


def test_damage_reaches_every_place():
    config = {"a": {"b": [{"c": 1}]}, "d": 2}
    assert set(paths(config)) == {
        ("a",),
        ("a", "b"),
        ("a", "b", 0),
        ("a", "b", 0, "c"),
        ("d",),
    }
