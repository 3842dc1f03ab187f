"""`autrainer.cli.train`: what it returns and raises, and that the process is as before."""

import logging
import os
import random
import signal
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer import cli
from autrainer.errors import RunFailedError, RunInterruptedError

SMALL = {
    "device": "cpu",
    "dataset.size": 60,
    "iterations": 2,
    "progress_bar": False,
    "plotting": "None",
}

CALLBACKS = """\
class Fails:
    def cb_on_train_begin(self, trainer):
        if trainer.config.seeds.seed == 2:
            raise ValueError("not with two")


class Stops:
    def cb_on_train_begin(self, trainer):
        import signal

        signal.raise_signal(signal.SIGINT)


class Notes:
    value = 1

    def cb_on_train_end(self, trainer):
        (trainer.output_directory / "note.txt").write_text(str(self.value))
"""


@pytest.fixture
def callbacks(tmp_path):
    """A module of the user; it is forgotten at the end."""
    path = tmp_path / "my_callbacks.py"
    path.write_text(CALLBACKS)
    yield path
    sys.modules.pop("my_callbacks", None)


def test_the_folders_and_best_values_of_all_runs_are_returned(tmp_path):
    runs = cli.train({**SMALL, "seed": [1, 2]})
    assert [run.state for run in runs] == ["finished", "finished"]
    for seed, run in enumerate(runs, 1):
        accuracy = pd.read_csv(run.folder / "metrics.csv")["accuracy"]
        assert run.folder.is_absolute()
        assert run.folder.is_relative_to(tmp_path)
        assert run.best_value == pytest.approx(accuracy.max())
        assert run.best_iteration == accuracy.argmax() + 1
        assert f"+seed={seed}" in run.overrides
        assert run.error is None
    again = cli.train({**SMALL, "seed": [3, 2]})
    assert [run.state for run in again] == ["finished", "skipped"]
    assert (again[1].folder, again[1].best_value) == (runs[1].folder, runs[1].best_value)


def test_a_list_of_overrides_is_what_would_be_typed():
    typed = [f"{key}={value}" for key, value in SMALL.items()]
    (run,) = cli.train([*typed, "iterations=1", "seed=4"])
    assert run.state == "finished"
    assert run.folder.name.endswith("_4")


def test_a_failing_run_raises_with_what_became_of_all(callbacks, capsys):
    with pytest.raises(RunFailedError) as caught:
        cli.train({**SMALL, "seed": [1, 2, 3], "callbacks": [["my_callbacks.Fails"]]})
    error = caught.value
    assert [run.state for run in error.runs] == ["finished", "failed", "finished"]
    assert error.__cause__ is error.runs[1].error
    told = str(error).splitlines()
    assert told[0] == "1 of 3 jobs failed:"
    assert "ValueError: not with two" in told
    assert (
        '  my_callbacks.py, line 4, in cb_on_train_begin: raise ValueError("not with two")' in told
    )
    assert "not with two" not in capsys.readouterr().err


def test_what_cannot_be_used_raises_in_a_notebook_too(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py"])
    with pytest.raises(cli.CommandLineError, match="iterations is 0") as caught:
        cli.train({"iterations": 0})
    assert caught.value.__suppress_context__


def test_an_edited_module_is_read_again(callbacks):
    options = {**SMALL, "iterations": 1, "callbacks": [["my_callbacks.Notes"]]}
    notes = []
    for value in (1, 2):
        callbacks.write_text(CALLBACKS.replace("value = 1", f"value = {value}"))
        (run,) = cli.train({**options, "seed": value})
        notes.append((run.folder / "note.txt").read_text())
    assert notes == ["1", "2"]


@pytest.mark.usefixtures("callbacks")
def test_ctrl_c_is_raised_by_the_call_itself_and_says_how_to_go_on():
    with pytest.raises(KeyboardInterrupt, match="the same command goes on") as caught:
        cli.train({**SMALL, "callbacks": [["my_callbacks.Stops"]]})
    assert isinstance(caught.value, RunInterruptedError)
    assert [entry.name for entry in caught.traceback][1:] == ["train"]
    assert caught.value.__suppress_context__


class Process:
    """What a run changes in a process."""

    def __init__(self):
        root = logging.getLogger()
        self.generators = (
            random.getstate(),
            str(np.random.get_state()),
            torch.get_rng_state().tolist(),
        )
        self.torch = (
            torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            torch.get_num_threads(),
        )
        self.logging = (list(root.handlers), root.level, logging.getLogger("autrainer").level)
        self.signals = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        self.environment = dict(os.environ)
        self.imports = (sys.argv, list(sys.path), Path.cwd())


@pytest.mark.parametrize(("seed", "ends"), [(1, nullcontext()), (2, pytest.raises(RunFailedError))])
def test_the_process_is_as_before(callbacks, monkeypatch, seed, ends):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    torch._C._set_deterministic_algorithms(False, warn_only=False)
    options = {**SMALL, "seed": seed, "callbacks": [["my_callbacks.Fails"]]}
    before = vars(Process())
    with ends:
        cli.train({**options, "train_loader_kwargs": {"num_workers": 1}})
    after = vars(Process())
    assert {name for name in before if before[name] != after[name]} == set()


def test_hydra_stays_initialised_for_whoever_uses_it(tmp_path):
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    with initialize_config_dir(str(tmp_path), version_base=None):
        before = GlobalHydra.instance().hydra
        with pytest.raises(cli.CommandLineError):
            cli.train({"iterations": 0})
        assert GlobalHydra.instance().hydra is before
