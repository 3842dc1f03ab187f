"""A sweep of small runs: trained at once by a pool, in turn, and by a shell loop of commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

AUTRAINER = str(Path(sys.executable).with_name("autrainer"))
NUM_RUNS = int(os.environ.get("BENCH_SWEEP_RUNS", "40"))
SEEDS = [str(seed) for seed in range(1, NUM_RUNS + 1)]
TRAIN = ("device=cpu", "progress_bar=false")


def command(who, results, plots):
    seeds = f"seed={','.join(SEEDS)}"
    train = [AUTRAINER, "train", *TRAIN, plots, f"results_dir={results}"]
    if who == "xargs -P2":
        loop = " ".join([*train, "seed={}"])
        return ["sh", "-c", f"printf '%s\\n' {' '.join(SEEDS)} | xargs -P2 -I{{}} {loop}"]
    return [*train, seeds, *(["jobs=2"] if who == "jobs=2" else [])]


@pytest.mark.benchmark(group=f"sweeps: {NUM_RUNS} toy runs, every file written")
@pytest.mark.parametrize("plots", ["plotting=Default", "plotting=None"])
@pytest.mark.parametrize("who", ["jobs=2", "in turn", "xargs -P2"])
def test_many_small_runs(benchmark, tmp_path, who, plots):
    results = (tmp_path / str(number) for number in range(1000))
    benchmark.pedantic(
        lambda: subprocess.run(
            command(who, next(results), plots), cwd=tmp_path, check=True, capture_output=True
        ),
        rounds=3,
        iterations=1,
    )


NUM_FINISHED = int(os.environ.get("BENCH_FINISHED_RUNS", "200"))
FINISHED = f"seed={','.join(str(seed) for seed in range(1, NUM_FINISHED + 1))}"

NOTHING = """
import hydra


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config):
    pass


main()
"""
CONFIG = """
defaults:
  - _self_
  - dataset: ToyTabular-C
  - model: ToyFFNN
  - optimizer: Adam
  - scheduler: None
  - augmentation: None
  - plotting: None
  - override hydra/job_logging: none
hydra:
  searchpath: [pkg://autrainer.conf]
  output_subdir: null
"""
"""What an application of Hydra without autrainer composes: the same groups, and no file written."""


@pytest.mark.benchmark(group=f"sweeps: {NUM_FINISHED} finished runs are skipped")
@pytest.mark.parametrize("who", ["autrainer train", "Hydra's launcher, a task that does nothing"])
def test_finished_runs_are_skipped(benchmark, tmp_path, who):
    if who == "autrainer train":
        train = [AUTRAINER, "train", *TRAIN, "plotting=None", "iterations=1", FINISHED, "jobs=2"]
    else:
        (tmp_path / "config.yaml").write_text(CONFIG)
        (tmp_path / "app.py").write_text(NOTHING)
        train = [sys.executable, "app.py", "-cd", ".", "-m", f"+{FINISHED}"]
    benchmark.pedantic(
        lambda: subprocess.run(train, cwd=tmp_path, check=True, capture_output=True),
        rounds=3,
        iterations=1,
        warmup_rounds=1,
    )
