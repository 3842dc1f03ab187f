"""`rm-failed` and `rm-states`: what they would remove, ask for, remove, and never touch."""

import os

import pytest

from autrainer.cli import rm_failed, rm_states
from autrainer.cli.errors import CommandLineError
from autrainer.cli.main import run as command
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.status import Status
from tests.run_folders import write_run


@pytest.fixture
def training(tmp_path):
    training = tmp_path / "results" / "default" / "training"
    write_run(training, "good")
    failed = write_run(training, "failed", finished=False)
    Status(failed).stop(ValueError("no label"))
    (training / "begun").mkdir()
    (training / "notes").mkdir()
    (training / "notes" / "mine.txt").touch()
    (training / "multirun.yaml").touch()
    return training


def answered(monkeypatch, answer):
    def told(*_):
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", told)


def names(training):
    return sorted(path.name for path in training.iterdir())


def states(training):
    return sorted(str(path.relative_to(training)) for path in training.rglob("*.pt"))


ALL = ["begun", "failed", "good", "multirun.yaml", "notes"]


@pytest.mark.parametrize(("answer", "left"), [("y", 3), ("YES", 3), ("n", 5), ("", 5), (None, 5)])
def test_failed_runs_are_listed_and_removed_if_that_is_confirmed(
    training, monkeypatch, capsys, answer, left
):
    answered(monkeypatch, answer)
    assert command(["rm-failed", "results", "default"]) == 0
    assert len(names(training)) == left
    out = capsys.readouterr().out
    assert "failed: ValueError: no label" in out
    assert "Remove 2 unfinished runs (" in out
    assert ("Nothing was removed." in out) == (left == 5)


def test_folders_without_a_file_of_a_run_are_left_alone(training):
    assert sorted(p.name for p in rm_failed("results", "default", force=True)) == [
        *("begun", "failed")
    ]
    assert names(training) == ["good", "multirun.yaml", "notes"]
    assert rm_failed("results", "default", force=True) == []


def test_a_run_that_is_worked_on_is_never_removed(training, capsys):
    lock = RunLock(training / "failed")
    try:
        assert [p.name for p in rm_failed("results", "default", force=True)] == ["begun"]
    finally:
        lock.release()
    assert "Kept, as it is being worked on: failed: running on" in capsys.readouterr().out
    assert (training / "failed").is_dir()


def test_files_of_the_user_in_a_failed_run_are_told(training, monkeypatch, capsys):
    (training / "failed" / "diary.md").touch()
    answered(monkeypatch, "n")
    rm_failed("results", "default")
    assert "with 1 files that are not the run's" in capsys.readouterr().out


def test_of_a_run_that_is_a_link_the_link_is_removed(training, tmp_path):
    os.rename(training / "failed", tmp_path / "elsewhere")
    (training / "failed").symlink_to(tmp_path / "elsewhere")
    rm_failed("results", "default", force=True)
    assert not (training / "failed").exists()
    assert (tmp_path / "elsewhere" / "status.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ([], ["failed/_best/model.pt", "good/_best/model.pt"]),
        (["-b"], ["failed/_best/model.pt", "good/_best/model.pt"]),
        (["--no-keep-best"], []),
        (["-i", "3"], ["failed/_best/model.pt", "good/_best/model.pt", "good/epoch_3/model.pt"]),
        (["--no-keep-best", "-r", "good"], ["good/_best/model.pt", "good/epoch_3/model.pt"]),
    ],
)
def test_states_are_removed_except_what_is_to_be_kept(training, arguments, left):
    write_state(training / "failed" / "_best")
    assert command(["rm-states", "results", "default", "-f", *arguments]) == 0
    assert states(training) == left


def write_state(folder):
    (folder / "model.pt").write_bytes(b"state")


def test_states_are_listed_with_their_sizes_before_anything_is_removed(
    training, monkeypatch, capsys
):
    answered(monkeypatch, "no")
    before = states(training)
    rm_states("results", "default")
    out = capsys.readouterr().out
    assert "good/epoch_3/model.pt (7 B)" in out
    assert "Remove 1 state (7 B)? [y/N]" in out
    assert states(training) == before


def test_what_an_interrupted_run_resumes_from_is_kept(training):
    (training / "failed" / "_resume" / "deep").mkdir(parents=True)
    write_state(training / "failed" / "_resume" / "deep")
    rm_states("results", "default", keep_best=False, force=True)
    assert states(training) == ["failed/_resume/deep/model.pt"]


def test_states_of_a_run_that_is_worked_on_are_kept(training, capsys):
    lock = RunLock(training / "good")
    try:
        assert rm_states("results", "default", force=True) == []
    finally:
        lock.release()
    assert "good is being worked on by process" in capsys.readouterr().err
    assert states(training) == ["good/_best/model.pt", "good/epoch_3/model.pt"]


def test_with_nothing_to_remove_nothing_is_asked(training, capsys):
    rm_states("results", "default", force=True)
    capsys.readouterr()
    assert rm_states("results", "default") == []
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("training")
def test_a_misspelt_run_to_keep_is_told():
    with pytest.raises(CommandLineError, match="no run 'goods' to keep; did you mean 'good'"):
        rm_states("results", "default", keep_runs=["goods"], force=True)


@pytest.mark.usefixtures("training")
@pytest.mark.parametrize("name", ["rm-failed", "rm-states", "postprocess"])
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere", "default"], 1, "there is no folder of results 'nowhere'"),
        (["results", "defualt"], 1, "there is no experiment 'defualt' in results; did you mean"),
        (["results"], 2, "the following arguments are required: experiment_id"),
        (["results", "default", "--forse"], 2, "unrecognized arguments: --forse"),
    ],
)
def test_what_is_wrong_with_the_arguments_is_told(capsys, name, arguments, code, message):
    assert command([name, *arguments]) == code
    told = capsys.readouterr()
    assert message in told.err
    assert told.out == ""


def test_an_experiment_without_runs_is_told(tmp_path, capsys):
    (tmp_path / "results" / "empty").mkdir(parents=True)
    assert command(["rm-failed", "results", "empty"]) == 1
    assert "has no folder 'training'" in capsys.readouterr().err
