"""Whole processes: the default toy run beside a bare `import torch`, and what trains nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

AUTRAINER = str(Path(sys.executable).with_name("autrainer"))


def run(*command, cwd):
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


@pytest.mark.benchmark(group="process: default toy run, every file and plot written")
@pytest.mark.parametrize("who", ["import torch", "autrainer train"])
def test_default_toy_run(benchmark, tmp_path, who):
    numbers = iter(range(1000))
    commands = {
        "import torch": lambda: (sys.executable, "-c", "import torch"),
        "autrainer train": lambda: (
            AUTRAINER,
            "train",
            "device=cpu",
            f"results_dir={tmp_path}/{next(numbers)}",
        ),
    }
    benchmark.pedantic(
        lambda: run(*commands[who](), cwd=tmp_path), rounds=7, iterations=1, warmup_rounds=1
    )


@pytest.mark.benchmark(group="process: what trains nothing")
@pytest.mark.parametrize("who", ["python -c pass", "autrainer --version", "autrainer list model"])
def test_commands_that_train_nothing(benchmark, tmp_path, who):
    commands = {
        "python -c pass": (sys.executable, "-c", "pass"),
        "autrainer --version": (AUTRAINER, "--version"),
        "autrainer list model": (AUTRAINER, "list", "model"),
    }
    benchmark.pedantic(
        lambda: run(*commands[who], cwd=tmp_path), rounds=15, iterations=1, warmup_rounds=1
    )


@pytest.mark.benchmark(group="process: a run that is finished already")
@pytest.mark.parametrize("who", ["python -c pass", "autrainer train"])
def test_a_finished_run_is_skipped(benchmark, tmp_path, who):
    train = (AUTRAINER, "train", "device=cpu")
    run(*train, cwd=tmp_path)
    commands = {"python -c pass": (sys.executable, "-c", "pass"), "autrainer train": train}
    benchmark.pedantic(
        lambda: run(*commands[who], cwd=tmp_path), rounds=7, iterations=1, warmup_rounds=1
    )
