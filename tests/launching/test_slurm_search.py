"""Searches by jobs of SLURM: several processes ask one study for trials."""

import os
import pickle
import signal
import time

import pytest

from tests import forked
from tests.integration.conftest import SMALL, read, runs_of
from tests.launching.forked_workers import command, run
from tests.launching.test_pool import write_callback
from tests.launching.test_slurm import (
    JOB,
    meeting_point,
    project,
    slurm,
    states_of,
    tasks_of,
    wait_for,
)
from tests.searching.test_search import RATES, n_trials, trials_of

pytestmark = pytest.mark.slow

ONE = "time: 8h, at_once: 1"


__all__ = ["meeting_point", "project", "slurm"]


def search(project, slurm, *overrides, options="time: 8h, at_once: 2", holds="1"):
    """The command, whose jobs are held unless it is told otherwise."""
    environment = {**slurm.environment, "FAKE_SLURM_HOLDS": holds}
    arguments = ("hydra/sweeper=autrainer_optuna", *SMALL, RATES, "launcher=slurm")
    return run(project, "train", *arguments, f"slurm={{{options}}}", *overrides, **environment)


def job(project, slurm, number, restarts=0, **environment):
    """A worker that was held, started as SLURM would."""
    variables = {**os.environ, **slurm.environment_of(number, restarts), **environment}
    return forked.Forked(JOB, project / "results/default/slurm/%j", cwd=project, env=variables)


def table_of(project):
    return read(project / "results/default/slurm/search-search.yaml")


def waiting(project, slurm, *overrides, options="time: 8h, at_once: 2, wait: true"):
    """The command that stays until its jobs have ended; it waits already."""
    environment = {**slurm.environment, "FAKE_SLURM_HOLDS": "1"}
    arguments = ("hydra/sweeper=autrainer_optuna", *SMALL, RATES, "launcher=slurm")
    process = command(
        project, "train", *arguments, f"slurm={{{options}}}", *overrides, **environment
    )
    line = "-"
    while line and "Waiting for the trials" not in line:
        line = process.stdout.readline()
    return process


def ended(process):
    """Exit code of a process, and what it has said."""
    output, errors = process.communicate()
    return process.wait(), output + errors


def test_jobs_share_a_study_and_the_command_tells_what_they_have_found(project, slurm):
    with waiting(project, slurm, n_trials(5)) as process:
        assert "#SBATCH --array=0-1%2" in slurm.script(12)
        with job(project, slurm, "12_0") as first, job(project, slurm, "12_1") as second:
            assert [ended(each)[0] for each in (first, second)] == [0, 0]
        code, told = ended(process)
    assert code == 0, told
    assert "Study search: 5 complete of 5" in told
    assert told.count("trained elsewhere") == 5
    assert [row["state"] for row in trials_of(project)] == ["complete"] * 5
    assert {row["folder"] for row in trials_of(project)} == set(runs_of(project))
    again = search(project, slurm, n_trials(5))
    assert again.stdout.count("skipped: finished before") == 5
    assert not (slurm.folder / "13.sh").exists()


@pytest.mark.long
def test_jobs_of_submitits_local_executor_search(project, slurm):
    import submitit

    assert search(project, slurm, n_trials(4)).returncode == 0
    executor = submitit.LocalExecutor(project / "local")
    pickled = project / "results/default/slurm/12_0/12_0_submitted.pkl"
    jobs = [executor.submit(pickle.loads(pickled.read_bytes()).function) for _ in range(2)]
    trained = [name for each in jobs for name in each.result()]
    assert sorted(trained) == sorted(runs_of(project))
    assert len(trained) == 4


def test_a_job_on_several_nodes_searches_by_all_its_tasks(project, slurm, meeting_point):
    assert search(project, slurm, n_trials(2), "nodes=2", options=ONE).returncode == 0
    with tasks_of(project, slurm, meeting_point) as tasks:
        told = [ended(task) for task in tasks]
    assert [code for code, _ in told] == [0, 0], told
    slurm.leave_queue("12")
    search(project, slurm, n_trials(2), "nodes=2", options=ONE)
    assert [row["state"] for row in trials_of(project)] == ["complete"] * 2
    for folder in runs_of(project).values():
        [environment] = read(folder / "status.yaml")["conditions"]["environments"]
        assert environment["processes"] == 2


HELD = """
import time
from pathlib import Path


class Calling:
    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        if iteration == 2 and str(trainer.output_directory).endswith("search-0"):
            if not Path("met").exists():
                Path("met").touch()
                while not is_asked():
                    time.sleep(0.01)


def is_asked():
    import signal
    return signal.getsignal(signal.SIGTERM).__self__.stop is not None
"""


def attempts_of(project):
    """How many processes have worked on the run of each trial."""
    return [
        read(runs_of(project)[row["folder"]] / "status.yaml")["attempts"]
        for row in trials_of(project)
    ]


@pytest.mark.parametrize("name", ["SIGUSR2", "SIGKILL"])
def test_a_trial_of_a_job_that_is_gone_is_taken_up_by_another_with_the_same_values(
    project, slurm, name
):
    callback = write_callback(project, HELD)
    assert search(project, slurm, callback, n_trials(3), "iterations=3").returncode == 0
    with job(project, slurm, "12_0") as process:
        wait_for(project / "met")
        (folder,) = runs_of(project).values()
        rate = read(folder / ".hydra" / "config.yaml")["learning_rate"]
        process.send_signal(getattr(signal, name))
        code, told = ended(process)
    assert code == (255 if name == "SIGUSR2" else -9), told
    assert slurm.is_requeued("12_0") == (name == "SIGUSR2")
    with job(project, slurm, "12_1") as process:
        assert ended(process)[0] == 0
    slurm.leave_queue("12_0")
    slurm.leave_queue("12_1")
    result = search(project, slurm, callback, n_trials(3), "iterations=3")
    assert result.returncode == 0
    assert [row["state"] for row in trials_of(project)] == ["complete"] * 3
    assert attempts_of(project) == [2, 1, 1]
    assert float(trials_of(project)[0]["learning_rate"]) == rate
    assert not (slurm.folder / "13.sh").exists()


def test_a_job_that_is_put_back_goes_on_with_its_trial_and_then_with_others(project, slurm):
    callback = write_callback(project, HELD)
    arguments = (callback, n_trials(2), "iterations=3")
    assert search(project, slurm, *arguments, options=ONE).returncode == 0
    with job(project, slurm, "12") as process:
        wait_for(project / "met")
        process.send_signal(signal.SIGTERM)
        while states_of(project) != ["interrupted"]:
            time.sleep(0.01)
        # Cancelled: the trial is free while the job waits for its end.
        process.send_signal(signal.SIGUSR2)
        assert ended(process)[0] == 255
    with job(project, slurm, "12", restarts=1) as process:
        code, told = ended(process)
        assert code == 0, told
    slurm.leave_queue("12")
    search(project, slurm, *arguments)
    assert [row["state"] for row in trials_of(project)] == ["complete"] * 2
    assert attempts_of(project) == [2, 1]


def test_a_job_whose_time_is_up_is_put_back_and_goes_on_with_its_trial(project, slurm):
    options = "time: 1h, at_once: 1"
    assert search(project, slurm, n_trials(2), options=options).returncode == 0
    began = {"SLURM_JOB_START_TIME": str(time.time() - 3600 + 299)}
    with job(project, slurm, "12", **began) as process:
        assert ended(process)[0] == 255
    assert states_of(project) == ["interrupted"]
    assert slurm.is_requeued("12")
    with job(project, slurm, "12", restarts=1) as process:
        code, told = ended(process)
        assert code == 0, told
    slurm.leave_queue("12")
    search(project, slurm, n_trials(2))
    assert [row["state"] for row in trials_of(project)] == ["complete"] * 2
    assert attempts_of(project) == [2, 1]


def test_the_same_command_submits_what_is_missing_and_more_trials_reach_jobs_at_work(
    project, slurm
):
    callback = write_callback(project, HELD.replace("not is_asked()", "not Path('go').exists()"))
    first = search(project, slurm, callback, n_trials(2))
    assert "scancel 12\n" in first.stdout
    assert table_of(project) == {"0": "12_0", "1": "12_1"}
    again = search(project, slurm, callback, n_trials(2))
    assert "job 12_0 is in the queue: pending" in again.stdout
    assert not (slurm.folder / "13.sh").exists()
    slurm.leave_queue("12_1")
    with job(project, slurm, "12_0") as process:
        wait_for(project / "met")
        more = search(project, slurm, callback, n_trials(3)).stdout
        assert "job 12_0 is in the queue" in more
        assert "Study:   search: 1 at work elsewhere\n" in more
        assert table_of(project) == {"0": "12_0", "1": "13"}
        (project / "go").touch()
        assert ended(process)[0] == 0
    slurm.leave_queue("13")
    # It is still in the queue, but has found nothing left to do.
    search(project, slurm, callback, n_trials(4))
    assert [row["state"] for row in trials_of(project)] == ["complete"] * 3
    assert list(table_of(project).values()) == ["14"]


def test_trials_are_pruned_by_those_of_other_jobs(project, slurm):
    pruner = ("hydra.sweeper.pruner=median", "hydra.sweeper.pruner_options={n_startup_trials: 1}")
    rates = ("learning_rate=choice(0.05,1e-9)", "hydra.sweeper.sampler=grid", "iterations=4")
    assert search(project, slurm, *rates, *pruner).returncode == 0
    with job(project, slurm, "12_0") as first:
        assert ended(first)[0] == 0
    search(project, slurm, *rates, *pruner)
    assert [row["state"] for row in trials_of(project)] == ["complete", "pruned"]


def test_a_failed_trial_fails_its_job_and_with_fail_fast_ends_the_search(project, slurm):
    callback = write_callback(
        project,
        "class Calling:\n"
        "    def cb_on_train_begin(self, trainer):\n"
        "        if str(trainer.output_directory).endswith('search-0'):\n"
        "            raise ZeroDivisionError('by the test')\n",
    )
    arguments = (callback, n_trials(3), "fail_fast=true")
    assert search(project, slurm, *arguments, options="time: 8h, at_once: 3").returncode == 0
    with job(project, slurm, "12_0") as process:
        code, told = ended(process)
    assert code == 1
    assert "RunFailedError: 1 of 1 runs failed" in told
    assert "fail_fast: cancelling the jobs of array 12 that have not begun" in told
    assert (slurm.folder / "cancelled").read_text() == "--state=PENDING 12\n"
    with job(project, slurm, "12_1") as process:
        assert ended(process)[0] == 0
    assert len(runs_of(project)) == 1
    again = search(project, slurm, *arguments, options=ONE)
    assert again.returncode == 0
    with job(project, slurm, "13") as process:
        assert ended(process)[0] == 0
    search(project, slurm, *arguments)
    states = [row["state"] for row in trials_of(project)]
    assert states == ["failed", "complete", "complete", "complete"]


@pytest.mark.parametrize(
    ("options", "overrides", "told"),
    [
        ("time: 8h, runs_per_job: 2", (), "leave runs_per_job out"),
        ("time: 8h", ("+devices=choice(1,2)",), "search these one by one"),
    ],
)
def test_what_jobs_of_a_search_cannot_do_is_refused(project, slurm, options, overrides, told):
    result = search(project, slurm, *overrides, options=options)
    assert result.returncode == 1
    assert told in " ".join(result.stderr.split())
    assert (slurm.folder / "last").read_text() == "11"


def test_who_waits_for_a_search_may_leave_it_and_is_told_when_its_jobs_are_gone(project, slurm):
    with waiting(project, slurm, n_trials(2), options=f"{ONE}, wait: true") as process:
        process.send_signal(signal.SIGINT)
        code, told = ended(process)
    assert code == 130, told
    assert "The jobs go on" in told
    assert not (slurm.folder / "cancelled").exists()
    (project / "bin" / "squeue").write_text("#!/bin/bash\n")
    with waiting(project, slurm, n_trials(2), options=f"{ONE}, wait: true") as process:
        code, told = ended(process)
    assert code == 1
    assert "all jobs of the search have left the queue, and 2 trials are left" in told
