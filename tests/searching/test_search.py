"""Searches of real runs: what they train, what is kept, and how they are gone on with."""

import csv
import shutil
import sys
import time
from contextlib import ExitStack

import pytest

from tests.integration.conftest import SMALL, read, runs_of
from tests.launching.forked_workers import command, run

pytestmark = pytest.mark.slow

TRAIN = ("train", "hydra/sweeper=autrainer_optuna", *SMALL)
RATES = "learning_rate=tag(log,interval(1e-4,1e-1))"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "conf" / "plotting").mkdir(parents=True)
    (tmp_path / "conf" / "plotting" / "None.yaml").touch()
    return tmp_path


def study_of(folder, name="search"):
    return folder / "results" / "default" / "studies" / name


def trials_of(folder, name="search"):
    """Rows of the table of a study."""
    with (study_of(folder, name) / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def n_trials(count):
    return f"hydra.sweeper.n_trials={count}"


def write_callback(project, *lines):
    text = "".join(f"    {line}\n" for line in lines)
    (project / "calling.py").write_text(f"import os\nclass Calling:\n{text}")
    return "+callbacks=[calling.Calling]"


def test_trials_are_runs_whose_best_value_is_that_of_the_trial(project, autrainer):
    # Nothing that is searched is part of the name of a run.
    result = autrainer(*TRAIN, "model.hidden_size=int(interval(8,500))", n_trials(3))
    rows = trials_of(project)
    assert [row["state"] for row in rows] == ["complete"] * 3
    for row in rows:
        folder = runs_of(project)[row["folder"]]
        assert row["folder"].endswith(f"_search-{row['trial']}")
        assert read(folder / "_best" / "dev.yaml")["accuracy"]["all"] == float(row["accuracy"])
        assert read(folder / ".hydra" / "config.yaml")["model"]["hidden_size"] == int(
            row["model.hidden_size"]
        )
    best = max(rows, key=lambda row: float(row["accuracy"]))
    assert f"Best:    trial {best['trial']}, accuracy" in result.stdout
    assert f"model.hidden_size={best['model.hidden_size']}\n" in result.stdout


def test_a_study_that_is_gone_on_with_proposes_what_one_without_a_break_does(project, autrainer):
    sampler = ("hydra.sweeper.sampler=tpe", "hydra.sweeper.sampler_options={n_startup_trials: 2}")
    autrainer(*TRAIN, *sampler, RATES, n_trials(4), "experiment_id=whole")
    whole = (project / "results/whole/studies/search/trials.csv").read_text()
    autrainer(*TRAIN, *sampler, RATES, n_trials(2))
    result = autrainer(*TRAIN, *sampler, RATES, n_trials(4))
    assert result.stdout.count("skipped: finished before") == 2
    assert (study_of(project) / "trials.csv").read_text() == whole


def test_a_trial_whose_process_was_killed_is_run_again_in_its_folder(project, autrainer):
    callback = write_callback(
        project,
        "def cb_on_iteration_end(self, trainer, iteration, metrics):",
        "    if len(os.listdir('results/default/training')) == 3 and not os.path.exists('killed'):",
        "        open('killed', 'w').close()",
        "        os.kill(os.getpid(), 9)",
    )
    arguments = (*TRAIN, callback, RATES, n_trials(3), "iterations=3")
    assert autrainer(*arguments, check=False).returncode == -9
    before = set(runs_of(project))
    autrainer(*arguments)
    assert [row["state"] for row in trials_of(project)] == ["complete"] * 3
    assert len(runs_of(project)) == 3
    assert before < set(runs_of(project))
    attempts = [read(path / "status.yaml")["attempts"] for path in runs_of(project).values()]
    assert sorted(attempts) == [1, 1, 2]


def test_a_run_that_fails_is_a_failed_trial_and_is_made_up_for_by_the_same_command(
    project, autrainer
):
    callback = write_callback(
        project,
        "def cb_on_train_begin(self, trainer):",
        "    if str(trainer.output_directory).endswith('search-0'):",
        "        raise ZeroDivisionError('by the test')",
    )
    arguments = (*TRAIN, callback, RATES, n_trials(2))
    result = autrainer(*arguments, check=False)
    assert result.returncode == 1
    assert "ZeroDivisionError: by the test" in result.stderr
    assert [row["state"] for row in trials_of(project)] == ["failed", "complete"]
    autrainer(*arguments)
    assert [row["state"] for row in trials_of(project)] == ["failed", "complete", "complete"]
    stopped = autrainer(*arguments, "fail_fast=true", "hydra.sweeper.study_name=fast", check=False)
    assert stopped.returncode == 0


def test_runs_that_fall_behind_are_pruned_in_a_pool_too(project):
    callback = write_callback(
        project,
        "def cb_on_dev_end(self, trainer, iteration, dev_results):",
        "    pass",
    )
    result = run(
        project,
        *(*TRAIN, callback, RATES, n_trials(8), "jobs=2", "iterations=4"),
        *("hydra.sweeper.pruner=median", "hydra.sweeper.pruner_options={n_startup_trials: 2}"),
    )
    assert result.returncode == 0, result.stderr
    assert "8 runs, 2 at a time" in result.stdout
    rows = trials_of(project)
    pruned = [row for row in rows if row["state"] == "pruned"]
    assert pruned
    assert len(rows) == 8
    for row in pruned:
        status = read(runs_of(project)[row["folder"]] / "status.yaml")
        assert status["state"] == "stopped"
        assert status["reason"].startswith("pruned by median: accuracy")
        assert status["iteration"] < 4
    assert result.stdout.count("  pruned ") == len(pruned)


@pytest.mark.long
def test_runs_of_several_processes_that_fall_behind_are_pruned_together(project):
    result = run(
        project,
        *(*TRAIN, "learning_rate=choice(0.05,1e-9)", "iterations=4", "devices=2"),
        *("hydra.sweeper.sampler=grid", "hydra.sweeper.pruner=median"),
        "hydra.sweeper.pruner_options={n_startup_trials: 1}",
        GLOO_SOCKET_IFNAME="lo",
    )
    assert result.returncode == 0, result.stderr
    assert [row["state"] for row in trials_of(project)] == ["complete", "pruned"]
    good, behind = (runs_of(project)[row["folder"]] for row in trials_of(project))
    status = read(behind / "status.yaml")
    assert status["state"] == "stopped"
    assert status["reason"].startswith("pruned by median: accuracy")
    assert status["iteration"] < 4
    for folder in (good, behind):
        [environment] = read(folder / "status.yaml")["conditions"]["environments"]
        assert environment["processes"] == 2


def test_a_grid_is_trained_whole_less_what_filters_leave_out_and_drawn(project, autrainer):
    (project / "conf" / "config.yaml").write_text(
        "defaults: [_autrainer_, _self_, {override hydra/sweeper: autrainer_optuna}]\n"
        "results_dir: results\nexperiment_id: default\niterations: 1\n"
        "hydra: {sweeper: {sampler: grid, params: {+seed: '1, 2', +batch_size: '16, 32, 64',\n"
        "  +learning_rate: 0.01}, filters: [{hydra_filter_sweeper.Expression:\n"
        "  {expr: 'seed == 2 and batch_size == 64'}}]}}\n"
    )
    result = autrainer("train", "device=cpu", "dataset.size=120", "progress_bar=false")
    rows = trials_of(project)
    states = {(row["seed"], row["batch_size"]): row["state"] for row in rows}
    assert states.pop(("2", "64")) == "filtered"
    assert set(states.values()) == {"complete"}
    assert len(states) == 5
    for name in ("optimization_history.png", "parameter_importances.png"):
        assert name in result.stdout
        assert (study_of(project) / name).read_bytes().startswith(b"\x89PNG")


def test_equal_values_are_trained_once(project, autrainer):
    result = autrainer(*TRAIN, "batch_size=16,32", n_trials(5), "hydra.sweeper.sampler=random")
    assert len(runs_of(project)) == 2
    assert len({row["accuracy"] for row in trials_of(project)}) <= 2
    assert "takes its result" in result.stdout


def test_another_space_and_an_unknown_choice_are_refused(project, autrainer):
    autrainer(*TRAIN, RATES, n_trials(1))
    other = autrainer(*TRAIN, "learning_rate=interval(0.1,1)", check=False)
    assert other.returncode == 1
    assert "searched keys.learning_rate" in other.stderr
    longer = autrainer(*TRAIN, RATES, "dataset.size=150", check=False)
    assert "configuration.dataset.size: 120 (there), 150 (here)" in longer.stderr
    unknown = autrainer(*TRAIN, "model=choice(ToyFFNN,Nope)", check=False)
    assert "'Nope'" in unknown.stderr
    assert len(runs_of(project)) == 1


def test_two_commands_share_a_study_and_each_tells_all_of_it(project):
    callback = write_callback(
        project,
        "def cb_on_train_begin(self, trainer):",
        "    if str(trainer.output_directory).endswith('search-0'):",
        "        open('begun', 'w').close()",
        "        while not os.path.exists('go'): pass",
    )
    arguments = (*TRAIN, callback, RATES, n_trials(3))
    with command(project, *arguments) as first, ExitStack() as released:
        released.callback((project / "go").touch)
        while not (project / "begun").exists():
            time.sleep(0.01)
        with command(project, *arguments) as second:
            line = "-"
            while line and "Waiting for trials that other commands train: 1" not in line:
                line = second.stdout.readline()
            (project / "go").touch()
            told = [(*process.communicate(), process.wait()) for process in (first, second)]
    assert [code for _, _, code in told] == [0, 0], told
    assert [row["state"] for row in trials_of(project)] == ["complete"] * 3
    assert [output.count("trained elsewhere") for output, _, _ in told] == [2, 1]
    assert [read(path / "status.yaml")["attempts"] for path in runs_of(project).values()] == [1] * 3
    assert not list((study_of(project) / ".workers").iterdir())


def test_what_has_become_of_a_finished_trial_is_kept_without_its_folder(project, autrainer):
    autrainer(*TRAIN, RATES, n_trials(2))
    before = trials_of(project)
    shutil.rmtree(runs_of(project)[before[0]["folder"]])
    result = autrainer(*TRAIN, RATES, n_trials(2))
    assert trials_of(project) == before
    assert len(runs_of(project)) == 1
    assert "Best:" in result.stdout


def test_optuna_is_asked_for_by_name_where_it_is_missing(monkeypatch):
    from autrainer.callbacks.study_storage import require_optuna
    from autrainer.errors import MissingExtraError

    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "optuna", raising=False)
    with pytest.raises(MissingExtraError, match=r"autrainer\[optuna\]"):
        require_optuna()


def test_of_several_values_the_front_is_told_and_gone_on_with(project, autrainer):
    objectives = "hydra.sweeper.objectives={accuracy: maximize, total_params: minimize}"
    sizes = "model.hidden_size=choice(4,8,16)"
    first = autrainer(*TRAIN, objectives, sizes, "hydra.sweeper.sampler=grid", n_trials(2))
    assert first.stdout.count("Best:") in (1, 2)
    result = autrainer(*TRAIN, objectives, sizes, "hydra.sweeper.sampler=grid")
    rows = trials_of(project)
    assert [row["state"] for row in rows] == ["complete"] * 3
    values = {}
    for row in rows:
        folder = runs_of(project)[row["folder"]]
        accuracy = read(folder / "_best" / "dev.yaml")["accuracy"]["all"]
        size = read(folder / "model_summary.yaml")["total_params"]
        assert (float(row["accuracy"]), float(row["total_params"])) == (accuracy, size)
        values[row["trial"]] = (-accuracy, size)
    front = {
        trial
        for trial, own in values.items()
        if not any(
            other != own and all(a <= b for a, b in zip(other, own, strict=True))
            for other in values.values()
        )
    }
    told = {line.split()[2].rstrip(",") for line in result.stdout.splitlines() if "Best:" in line}
    assert told == front


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["hydra.sweeper.objectives={acuracy: maximize, dev_loss: minimize}"], "mean 'accuracy'"),
        (
            ["hydra.sweeper.objectives={accuracy: max, dev_loss: minimize}"],
            "'max'; use one of minimize, maximize",
        ),
        (["hydra.sweeper.objectives={accuracy: maximize}"], "two or more names"),
        (
            [
                "hydra.sweeper.objectives={accuracy: maximize, dev_loss: minimize}",
                "hydra.sweeper.pruner=median",
            ],
            "hydra.sweeper.pruner is 'median' beside objectives",
        ),
    ],
)
def test_objectives_that_cannot_be_are_refused(project, autrainer, options, message):
    result = autrainer(*TRAIN, RATES, *options, check=False)
    assert result.returncode == 1
    assert message in result.stderr
    assert not (project / "results" / "default" / "training").exists()
