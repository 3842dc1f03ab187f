"""`verify`: what is told, and how it ends."""

import pytest

from autrainer.cli import rm_states, verify
from autrainer.cli.main import run as command
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.manifest import write_manifest
from tests.run_folders import write_run


@pytest.fixture(autouse=True)
def training(tmp_path):
    training = tmp_path / "results" / "default" / "training"
    for seed in (1, 2):
        write_manifest(write_run(training, f"run-{seed}", seed=seed))
    return training


def test_sound_runs_end_with_0(capsys):
    assert command(["verify"]) == 0
    assert capsys.readouterr().out.count("files are as they were written") == 2


def test_a_flipped_digit_is_found(training, capsys):
    path = training / "run-2" / "_best" / "dev.yaml"
    path.write_text(path.read_text().replace("0.52", "0.53", 1))
    (training / "run-2" / "timer.yaml").unlink()
    assert command(["verify", "default"]) == 1
    told = capsys.readouterr()
    assert "run-2: damaged" in told.out
    assert "_best/dev.yaml: its content is another one" in told.out
    assert "timer.yaml: it is missing" in told.out
    assert "1 of 2 runs are not verified" in told.err
    assert command(["verify", "run-1"]) == 0


def test_runs_without_a_manifest_are_not_taken_as_sound(training, capsys):
    write_run(training, "old", seed=3)
    assert command(["verify", "old"]) == 1
    assert "old: not verified: it has no MANIFEST" in capsys.readouterr().out


def test_a_run_that_is_worked_on_is_not_compared(training):
    run = write_run(training, "busy", finished=False)
    lock = RunLock(run)
    try:
        (result,) = verify(run)
    finally:
        lock.release()
    assert "it is being worked on" in result.problem


def test_states_that_were_removed_by_the_command_are_not_missed():
    rm_states("results", "default", force=True)
    assert all(result.is_sound for result in verify())


@pytest.mark.parametrize("name", ["run-3", "run"])
def test_a_misspelt_run_is_told_with_the_near_ones(name, capsys):
    assert command(["verify", name]) == 1
    assert "did you mean 'run-" in capsys.readouterr().err
