"""The command, stopped by a signal and started again."""

import signal

import pytest

from tests import forked
from tests.integration.conftest import SMALL, only_run, read

SIGNALLED = """
import os
from pathlib import Path


class SignalledOnce:
    def __init__(self, number):
        self.number = number

    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        if iteration == 3 and not Path("signalled").exists():
            Path("signalled").touch()
            os.kill(os.getpid(), self.number)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_says_how_to_go_on_and_does(autrainer, project, number, code):
    (project / "signalled_once.py").write_text(SIGNALLED)
    callback = f"+callbacks=[{{signalled_once.SignalledOnce: {{number: {int(number)}}}}}]"
    train = ("train", *SMALL, "iterations=5", callback)
    process = autrainer(*train, check=False)
    assert process.returncode == code
    assert "autrainer train " in process.stderr
    assert "Traceback" not in process.stderr
    status = read(only_run(project) / "status.yaml")
    assert status["state"] == "interrupted"
    autrainer(*train)
    run = only_run(project)
    assert "Resuming at epoch 3" in (run / "training.log").read_text()
    assert read(run / "status.yaml")["state"] == "finished"
    assert (run / "metrics.csv").read_text().count("\n") == 6


def test_a_command_that_is_stopped_between_runs_says_how_to_go_on(autrainer, project):
    (project / "stopping.py").write_text(
        "from autrainer.datasets import ToyDataset\n\n"
        "class Stopping(ToyDataset):\n"
        "    def __init__(self, **kwargs):\n"
        "        raise KeyboardInterrupt\n"
    )
    stopped = ("dataset._target_=stopping.Stopping", "seed=1,2")
    result = autrainer("train", *SMALL, *stopped, check=False)
    assert result.returncode == 130
    assert "Interrupted; the same command goes on:\n  autrainer train " in result.stderr
    assert "1 more run has not begun" in result.stdout


SIGNALS = """
import os
import signal

from autrainer.datasets import ToyDataset


class Signalled(ToyDataset):
    def __init__(self, seed, **kwargs):
        if seed == 2:
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGTERM)
        super().__init__(seed=seed, **kwargs)
"""


def test_a_signal_while_a_run_is_built_ends_the_sweep_with_its_table(autrainer, project):
    (project / "signalling.py").write_text(SIGNALS)
    train = ("train", *SMALL, "dataset._target_=signalling.Signalled", "seed=1,2,3")
    result = autrainer(*train, check=False)
    assert result.returncode == 143
    assert "Traceback" not in result.stderr
    assert "Stopped by SIGTERM; the same command goes on:\n  autrainer train " in result.stderr
    trained, interrupted = (
        line.split()
        for line in result.stdout.splitlines()
        if "_ToyFFNN_" in line and "Starting" not in line
    )
    assert (trained[1], interrupted[1]) == ("trained", "interrupted")
    assert "1 more run has not begun" in result.stdout


IMPORTED = """
import os
import signal

try:
    os.kill(os.getpid(), signal.{name})
except BaseException:
    pass
raise ValueError("half imported")
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_in_an_import_is_not_taken_for_an_error_of_it(autrainer, project, name, code):
    (project / "importing.py").write_text(IMPORTED.format(name=name))
    result = autrainer("train", *SMALL, "dataset._target_=importing.Dataset", check=False)
    assert result.returncode == code
    assert result.stderr.startswith(f"\nStopped by {name}; the same command goes on:\n")
    assert "half imported" not in result.stdout + result.stderr


IGNORED = """
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)
"""


def test_an_interrupt_that_the_parent_ignores_stays_ignored(project):
    (project / "signalled_once.py").write_text(SIGNALLED)
    callback = "+callbacks=[{signalled_once.SignalledOnce: {number: 2}}]"
    done = forked.run(
        IGNORED + forked.COMMAND,
        *("train", *SMALL, "iterations=4", callback),
        name="autrainer",
        cwd=project,
        check=True,
    )
    assert "Stopped" not in done.stderr
    assert read(only_run(project) / "status.yaml")["state"] == "finished"


POOL = """
import multiprocessing
import time

from autrainer.datasets import ToyDataset


class Pooled(ToyDataset):
    def __init__(self, **kwargs):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.apply_async(time.sleep, (3600,))
        super().__init__(**kwargs)
"""


def test_processes_of_users_are_ended_by_signals_as_usual(autrainer, project):
    (project / "pooled.py").write_text(POOL)
    autrainer("train", *SMALL, "dataset._target_=pooled.Pooled")


PANIC = """
from autrainer.datasets import ToyDataset

PanicException = type("PanicException", (BaseException,), {})


class Panicking(ToyDataset):
    def __init__(self, seed, **kwargs):
        if seed == 1:
            raise PanicException("index out of bounds")
        super().__init__(seed=seed, **kwargs)
"""


def test_a_panic_of_a_library_is_an_error_of_the_run_and_not_of_the_sweep(autrainer, project):
    (project / "panicking.py").write_text(PANIC)
    panicking = ("dataset._target_=panicking.Panicking", "seed=1,2")
    result = autrainer("train", *SMALL, *panicking, check=False)
    assert result.returncode == 1
    assert "a library has failed: index out of bounds" in result.stderr
    assert "1 of 2 jobs failed" in result.stderr


def test_a_failing_run_tells_why_in_its_folder_and_fails_fast_if_asked(autrainer, project):
    failing = ("learning_rate=0.001,1e30,0.002", "dataset=ToyTabular-R", "iterations=4")
    result = autrainer("train", *SMALL, *failing, check=False)
    assert result.returncode == 1
    assert "1 of 3 jobs failed" in result.stderr
    states = {
        read(path)["state"] for path in project.glob("results/default/training/*/status.yaml")
    }
    assert states == {"finished", "failed"}
    (error,) = project.glob("results/default/training/*/error.txt")
    assert "NonFiniteLossError" in error.read_text()
    result = autrainer(
        "train", *SMALL, *failing, "fail_fast=true", "experiment_id=fast", check=False
    )
    assert len(list(project.glob("results/fast/training/*/status.yaml"))) == 2
