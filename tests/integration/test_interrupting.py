"""The command, stopped by a signal and started again."""

import signal

import pytest

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
