"""The command, with processes of its own and with those of torchrun."""

import os
import subprocess
import sys

import pytest

from tests.conftest import AUTRAINER
from tests.forked import Forked
from tests.integration.conftest import SMALL, only_run, read, runs_of


def test_the_command_trains_a_run_on_two_processes(installed_autrainer, project):
    train = ("train", *SMALL, "devices=2")
    process = installed_autrainer(*train)
    run = only_run(project)
    assert read(run / "status.yaml")["state"] == "finished"
    assert read(run / ".hydra" / "config.yaml")["devices"] == 2
    assert (run / "training.log").read_text().count("Dev results at epoch 2") == 1
    assert process.stdout.count("Dev results at epoch 2") == 1
    # Another number of devices is the same run.
    assert "finished before" in installed_autrainer("train", *SMALL, "devices=3").stdout


@pytest.mark.long
def test_torchrun_sweeps_once_with_all_of_its_processes(project):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    train = ["--nproc-per-node", "2", "--no-python", str(AUTRAINER), "train", *SMALL, "seed=1,2"]
    process = subprocess.run(
        [*torchrun, *train],
        cwd=project,
        env=os.environ | {"PYTHONWARNINGS": "ignore", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert process.returncode == 0, process.stderr
    assert len(runs_of(project)) == 2
    for run in runs_of(project).values():
        status = read(run / "status.yaml")
        assert (status["state"], status["attempts"]) == ("finished", 1)
        assert status["conditions"]["environments"][0]["processes"] == 2
    assert process.stdout.count("trained") == 2


def step_of_slurm(project, rank, *arguments):
    """A task of a step of two, as `srun` starts it."""
    told = {
        **{"SLURM_PROCID": rank, "SLURM_LOCALID": rank, "SLURM_STEP_NUM_TASKS": 2},
        **{"SLURM_JOB_ID": os.getpid(), "SLURM_STEP_ID": 0, "SLURM_NODEID": 0},
        **{"SLURM_STEP_NODELIST": "localhost", "SLURM_STEP_TASKS_PER_NODE": "2"},
    }
    environment = {**os.environ, **{name: str(value) for name, value in told.items()}}
    environment |= {"PYTHONWARNINGS": "ignore", "GLOO_SOCKET_IFNAME": "lo"}
    return Forked.command("train", *SMALL, *arguments, cwd=project, env=environment)


def test_the_tasks_of_a_step_of_slurm_train_one_run(project):
    with step_of_slurm(project, 0) as main, step_of_slurm(project, 1) as other:
        text, errors = main.communicate()
        assert (main.returncode, other.wait()) == (0, 0), errors + other.communicate()[1]
    assert text.count("trained") == 1
    [environment] = read(only_run(project) / "status.yaml")["conditions"]["environments"]
    assert environment["processes"] == 2
