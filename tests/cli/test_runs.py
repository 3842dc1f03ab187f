"""`runs`: which there are, how far they are, and how good."""

import json
import os
import re
import signal

import pytest

from autrainer.cli import runs
from autrainer.cli.errors import CommandLineError
from autrainer.cli.main import run as command
from autrainer.errors import RunInterruptedError
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.record.fields import FIELDS
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.status import Status
from tests import forked
from tests.conftest import REPOSITORY
from tests.launching.fake_slurm import write_program
from tests.run_folders import write_run


@pytest.fixture
def training(tmp_path):
    training = tmp_path / "results" / "default" / "training"
    for seed in (1, 2, 10):
        write_run(training, f"run-{seed}", seed=seed)
    Status(write_run(training, "failed", finished=False)).stop(ValueError("no label"))
    write_run(tmp_path / "results" / "other" / "training", "run-3", seed=3, model__id="Cnn10")
    return training


def table(capsys, *arguments):
    assert command(["runs", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("training")
def test_runs_are_shown_with_state_and_numbers(capsys):
    lines = table(capsys, "default")
    assert lines[0].split() == [
        *("run", "state", "iteration", "best", "accuracy", "test", "accuracy", "time", "size")
    ]
    assert lines[1].startswith("failed  failed at 2/3: ValueError: no label")
    assert lines[2].split()[:6] == ["run-1", "finished", "2", "0.5100", "0.5100", "9.0"]
    assert lines[-1] == "4 runs: 3 finished, 1 failed"


@pytest.mark.usefixtures("training")
def test_of_several_experiments_the_name_is_shown(capsys):
    assert table(capsys)[0].startswith("experiment  run")
    assert len(table(capsys)) == 5 + 3


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"where": "seed < 3"}, ["failed", "run-1", "run-2"]),
        ({"where": "seed < 3 and state == 'finished'"}, ["run-1", "run-2"]),
        ({"where": 'model.id == "Cnn10"'}, ["run-3"]),
        ({"where": "dev.accuracy > 0.52"}, ["run-10", "run-3"]),
        ({"experiments": ["default"], "sort": "seed"}, ["failed", "run-1", "run-2", "run-10"]),
        (
            {"experiments": ["default"], "sort": "test", "reverse": True},
            ["run-10", "run-2", "run-1", "failed"],
        ),
        ({"experiments": "other"}, ["run-3"]),
        ({"experiments": ["default"], "reverse": True, "where": "seed == 1"}, ["run-1", "failed"]),
    ],
)
@pytest.mark.usefixtures("training")
def test_runs_are_chosen_and_sorted(options, found):
    assert [record.name for record in runs(**options)] == found


@pytest.mark.usefixtures("training")
def test_columns_are_chosen(capsys):
    lines = table(capsys, "default", "-c", "run,seed", "dev.mse", "model.hidden_size")
    assert lines[0].split() == ["run", "seed", "dev.mse", "model.hidden_size"]
    assert lines[2].split() == ["run-1", "1", "0.3600", "8"]


@pytest.mark.usefixtures("training")
def test_json_can_be_read(capsys):
    assert command(["runs", "--json", "-w", "seed == 10"]) == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert (run["run"], run["state"], run["best"]) == ("run-10", "finished", 0.6)
    assert run["dev"]["dev_loss"] == 1.6
    assert command(["runs", "--json", "-c", "run", "error", "-w", "state == 'failed'"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"run": "failed", "error": "ValueError: no label"}
    ]


@pytest.mark.usefixtures("training")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["defualt"], 1, "did you mean 'default'"),
        (["-w", "sead == 1"], 2, "no run has 'sead'; did you mean 'seed'"),
        (["-s", "dev.acuracy"], 2, "did you mean 'dev.accuracy'"),
        (["-c", "modle"], 2, "did you mean 'model'"),
        (["-w", "seed = 1"], 2, "a comparison is written =="),
    ],
)
def test_what_is_wrong_is_told(capsys, arguments, code, message):
    assert command(["runs", *arguments]) == code
    told = capsys.readouterr()
    assert message in told.err
    assert told.out == ""


def test_without_results_this_is_told(capsys):
    assert command(["runs"]) == 1
    assert "there is no folder of results 'results' here" in capsys.readouterr().err
    with pytest.raises(CommandLineError):
        runs()


def test_where_nothing_matches_this_is_told(training, capsys):
    assert table(capsys, "-w", "seed > 99") == ["No runs."]


def test_a_running_run_shows_where_and_how_far(training, capsys):
    lock = RunLock(training / "failed")
    try:
        Status(training / "failed").begin()
        lines = table(capsys, "-w", "state == 'running'")
    finally:
        lock.release()
    assert f"running at 2/3 on {os.uname().nodename} (process {os.getpid()})" in lines[1]


def test_watching_shows_what_changes_until_it_is_interrupted(training):
    with forked.Forked.command("runs", "default", "--watch", "-c", "run") as process:
        assert process.stdout.readline().strip() == "run"
        write_run(training, "run-11", seed=11)
        lines = iter(process.stdout.readline, "")
        assert any(line.strip() == "run-11" for line in lines)
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130


def test_watching_waits_for_an_experiment_that_is_not_there_yet(tmp_path):
    with forked.Forked.command("runs", "later", "--watch", "-c", "run", cwd=tmp_path) as process:
        told = process.stdout.readline()
        write_run(tmp_path / "results" / "later" / "training", "run-1", seed=1)
        assert process.stdout.readline().strip() == "run"
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert told == "Waiting: there is no experiment in 'results', nor later\n"


@pytest.mark.parametrize(
    ("queue", "found"),
    [
        ("7_0|PENDING\n7_2|RUNNING\n", {"new-1": "7_0", "interrupted": "7_0"}),
        (None, {"new-1": "7_0", "new-2": "7_1"}),
    ],
    ids=["squeue", "no squeue"],
)
def test_runs_in_the_queue_of_slurm_are_there_without_a_folder(
    training, capsys, monkeypatch, tmp_path, queue, found
):
    stopped = Status(write_run(training, "interrupted", finished=False))
    stopped.stop(RunInterruptedError(signal.SIGTERM, saved=True))
    (tmp_path / "bin").mkdir()
    if queue:
        write_program(tmp_path / "bin" / "squeue", f"#!/bin/bash\necho '{queue}'\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.defpath}")
    jobs = {"new-1": "7_0", "new-2": "7_1", "failed": "7_2", "interrupted": "7_0", "run-1": "7_0"}
    (training.parent / "slurm").mkdir()
    text = "".join(f"{run}: '{job}'\n" for run, job in jobs.items())
    (training.parent / "slurm" / "jobs.yaml").write_text(text)
    queued = runs("default", where="state == 'queued'")
    assert {run.name: run.state.job for run in queued} == dict(sorted(found.items()))
    lines = table(capsys, "default", "-w", "state == 'queued' or seed == 1")
    assert any(line.split()[:4] == ["new-1", "queued:", "job", "7_0"] for line in lines)
    assert f"{len(found)} queued" in lines[-1]


def test_the_documentation_tells_all_names_and_commands():
    text = (REPOSITORY / "docs" / "results.md").read_text()
    assert [name for name in FIELDS if f"`{name}`" not in text] == []
    commands = {"runs", "diff", "verify", "postprocess", "group", "rm-failed", "rm-states"}
    assert [name for name in commands if f"`autrainer {name} " not in text] == []
    public = [name for name in vars(RunRecord) if not name.startswith("_")]
    told = set(re.findall(r"`(\w+)", text))
    assert [name for name in public if name not in told] == []


@pytest.mark.usefixtures("training")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "sed < 3"], "no run has 'sed'; did you mean 'seed' or 'seconds'?"),
        (["--sort", "sed"], "no run has 'sed'; did you mean 'seed' or 'seconds'?"),
        (["--where", "seed ="], "the condition 'seed =' cannot be read: invalid syntax; a comp"),
        (["--where", "state == finished"], "no run has 'finished'; use a key of the configuration"),
    ],
)
def test_a_mistake_in_a_condition_is_one_line_without_the_help(arguments, message, capsys):
    assert command(["runs", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"autrainer: {message}")


@pytest.mark.usefixtures("training")
def test_a_text_without_quotes_is_recognised(capsys):
    command(["runs", "--where", "state == finished"])
    assert capsys.readouterr().err.rstrip().endswith("texts stand in quotes")


@pytest.mark.usefixtures("training")
def test_in_python_an_error_comes_without_where_it_was_found():
    with pytest.raises(CommandLineError, match="there is no experiment 'nope'") as caught:
        runs("nope")
    assert caught.value.__suppress_context__


@pytest.mark.usefixtures("training")
def test_runs_are_in_the_order_of_their_numbers():
    expected = ["failed", "run-1", "run-2", "run-10"]
    assert [record.name for record in runs("default")] == expected
    assert [record.name for record in runs("default", sort="run")] == expected
