"""Runs are found by the names that people give them."""

import os

import pytest

from autrainer.runs.record.finding import find_any, find_run, find_runs, is_empty, is_run, runs_of
from tests.run_folders import write_run


@pytest.fixture
def results(tmp_path):
    for experiment, seeds in (("first", (1, 2)), ("second", (1,))):
        for seed in seeds:
            write_run(tmp_path / "results" / experiment / "training", f"run-{seed}", seed=seed)
    write_run(tmp_path / "results" / "second" / "training", "alone")
    (tmp_path / "results" / "first" / "training" / "multirun.yaml").touch()
    (tmp_path / "results" / "first" / "training" / "notes").mkdir()
    (tmp_path / "results" / "first" / "training" / "notes" / "mine.txt").touch()
    (tmp_path / "results" / "first" / "training" / ".run-9.removing").mkdir()
    return tmp_path / "results"


def names(records):
    return [f"{record.experiment_id}/{record.name}" for record in records]


ALL_OF_FIRST = ["first/run-1", "first/run-2"]
ALL = [*ALL_OF_FIRST, "second/alone", "second/run-1"]


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ([], ALL),
        (["results"], ALL),
        (["first"], ALL_OF_FIRST),
        (["results/first"], ALL_OF_FIRST),
        (["results/first/training/"], ALL_OF_FIRST),
        (["results/second/training/alone"], ["second/alone"]),
        (["results/second/training/alone", "second"], ["second/alone", "second/run-1"]),
    ],
)
@pytest.mark.usefixtures("results")
def test_experiments_and_folders_are_found_each_run_once(places, found):
    assert names(find_runs(places)) == found


def test_a_pattern_of_the_shell_may_name_what_lies_beside_the_runs(results):
    runs = [results / "first" / "training" / name for name in ("multirun.yaml", "run-1", "run-2")]
    assert names(find_runs(runs)) == names(find_any(runs)) == ALL_OF_FIRST
    with pytest.raises(FileNotFoundError, match="there is no run"):
        find_any([results / "first" / "training" / "notes" / "mine.txt"])


@pytest.mark.usefixtures("results")
def test_a_misspelt_experiment_is_told_with_the_near_ones():
    with pytest.raises(FileNotFoundError, match="did you mean 'first'"):
        find_runs(["firts"])
    with pytest.raises(FileNotFoundError, match="did you mean 'second'"):
        runs_of("results", "secnd")


def test_without_results_this_is_told():
    with pytest.raises(FileNotFoundError, match="no folder of results 'results'"):
        find_runs()
    with pytest.raises(FileNotFoundError, match="no folder of results 'else'"):
        runs_of("else", "default")


def test_an_experiment_without_runs_is_told(tmp_path):
    (tmp_path / "results" / "empty").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no folder 'training'"):
        runs_of("results", "empty")


@pytest.mark.usefixtures("results")
def test_a_run_is_found_by_its_name_if_only_one_has_it():
    assert find_run("alone").folder.parts[-3:] == ("second", "training", "alone")
    with pytest.raises(FileNotFoundError, match="several runs are called 'run-1'"):
        find_run("run-1")
    with pytest.raises(FileNotFoundError, match="did you mean 'alone'"):
        find_run("allone")
    with pytest.raises(FileNotFoundError, match="is no folder of a run"):
        find_run("results/first/training/notes")


def test_folders_of_runs_are_told_from_others(results, tmp_path):
    training = results / "first" / "training"
    assert is_run(training / "run-1")
    assert not is_run(training / "notes")
    os.mkdir(tmp_path / "new")
    assert is_empty(tmp_path / "new")
    assert not is_run(tmp_path / "new")
