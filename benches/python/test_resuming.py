"""What it costs that a run can go on where it was."""

import shutil

import pytest
import torch
from benches.python.test_training import trainer_on

from autrainer.runs.state.resumable import ResumableStates, RowFiles
from autrainer.runs.state.staging import Staging
from autrainer.runs.writing.background import Background

SIZES = {"10 MB": 10_000_000, "100 MB": 100_000_000}


def states_of(num_bytes):
    """States of a model of some layers, with nothing but its weights."""
    width = 512
    layers = num_bytes // (4 * width * width)
    return {f"layer_{i}.weight": torch.rand(width, width) for i in range(layers)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("who", ["copy into ready memory", "ours", "torch.save"])
def test_what_a_step_waits_for(benchmark, tmp_path, size, who):
    """Ours copies the states and hands them to the background, which writes after the clock."""
    benchmark.group = f"resume: what a step waits for while states of {size} are kept"
    states = states_of(SIZES[size])
    ready = {name: torch.zeros_like(state) for name, state in states.items()}
    background = Background()
    kept = ResumableStates(tmp_path, background, Staging())
    rows = RowFiles(lambda: (0, 0), lambda start: {})

    def copy():
        for name, state in states.items():
            ready[name].copy_(state)

    run = {
        "copy into ready memory": copy,
        "ours": lambda: kept.write(states, rows),
        "torch.save": lambda: torch.save(states, tmp_path / "states.pt"),
    }
    benchmark.pedantic(run[who], setup=background.join, rounds=15, iterations=1, warmup_rounds=3)
    background.close()


MODELS = {
    "toy, 5 epochs of 2,500 steps": ("iterations=5",),
    "model of 100 MB, 2 epochs of 50 steps": (
        *("iterations=2", "dataset.size=2000", "model.hidden_size=5000"),
        *("model.num_layers=3",),
    ),
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("resume", ["true", "false"])
def test_a_run_with_and_without_states_to_go_on_from(benchmark, tmp_path, kind, resume):
    """A whole run at the default interval: a state at the end of every epoch."""
    benchmark.group = f"resume: {kind}"

    def opened():
        shutil.rmtree(tmp_path / "exp", ignore_errors=True)
        return (trainer_on(tmp_path, *MODELS[kind], f"resume={resume}"),), {}

    benchmark.pedantic(
        lambda trainer: trainer.train(), setup=opened, rounds=3, iterations=1, warmup_rounds=0
    )
