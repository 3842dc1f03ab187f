"""Runs as jobs of SLURM: what is submitted, what a job does when it is signalled, what is told."""

import os
import pickle
import signal
import socket
import time
from contextlib import contextmanager

import pytest

from autrainer.config.schema.reading import Reader
from autrainer.config.schema.sections.clusters import SlurmSection
from autrainer.config.schema.sections.training import SweepSection
from autrainer.errors import AutrainerError
from autrainer.launching.jobs import Job
from autrainer.launching.live_table import LiveTable
from autrainer.launching.slurm import waiting
from autrainer.launching.slurm.cluster import Resources, parameters
from autrainer.launching.view import View
from autrainer.runs.elsewhere import SharedRuns
from tests import forked
from tests.integration.conftest import SMALL, read, runs_of
from tests.launching.fake_slurm import FakeSlurm, log_of
from tests.launching.forked_workers import command, run
from tests.launching.test_pool import files_of, write_callback

JOB = "from submitit.core.submission import submitit_main\nsubmitit_main()\n"

MEETING = """
import time
from pathlib import Path


class Calling:
    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        if iteration == 2 and not Path("met").exists():
            Path("met").touch()
            while not is_asked():
                time.sleep(0.01)


def is_asked():
    import signal
    return signal.getsignal(signal.SIGTERM).__self__.stop is not None
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "conf" / "plotting").mkdir(parents=True)
    (tmp_path / "conf" / "plotting" / "None.yaml").touch()
    return tmp_path


@pytest.fixture
def slurm(tmp_path):
    return FakeSlurm(tmp_path)


def train(project, slurm, *overrides, options="time: 8h", holds="1"):
    """The command, whose jobs are held unless it is told otherwise."""
    environment = {**slurm.environment, "FAKE_SLURM_HOLDS": holds}
    launcher = ("launcher=slurm", f"slurm={{{options}}}")
    return run(project, "train", *SMALL, *launcher, *overrides, **environment)


def job(project, slurm, number, restarts=0, **environment):
    """A job that was held, started as SLURM would."""
    variables = {**os.environ, **slurm.environment_of(number, restarts), **environment}
    folder = project / "results/default/slurm/%j"
    return forked.Forked(JOB, folder, cwd=project, env=variables)


def states_of(project):
    return [read(path / "status.yaml")["state"] for path in runs_of(project).values()]


def wait_for(path):
    while not path.exists():
        time.sleep(0.01)


def trained_in_turn(project, autrainer, *overrides):
    """The files of the same runs, trained by this machine alone."""
    (project / "results").rename(project / "by_slurm")
    autrainer("train", *SMALL, *overrides)
    return _without_node(files_of(project / "results" / "default" / "training"))


def trained_by_slurm(project):
    return _without_node(files_of(project / "by_slurm" / "default" / "training"))


def _without_node(files):
    """Within a job of SLURM, a run says on which node it was."""
    return {name: content for name, content in files.items() if "hardware" not in name}


@pytest.mark.slow
def test_an_array_trains_all_runs_and_a_run_that_fails_is_told(project, slurm):
    callback = write_callback(
        project,
        "class Calling:\n"
        "    def cb_on_train_begin(self, trainer):\n"
        "        if trainer.cfg.seed == 2:\n"
        "            raise ZeroDivisionError('by the test')\n",
    )
    options = "time: 8h, runs_per_job: 2, wait: true"
    result = train(project, slurm, callback, "seed=1,2,3", options=options, holds="")
    assert result.returncode == 1, result.stderr
    assert "#SBATCH --array=0-1%2" in slurm.script(12)
    assert states_of(project) == ["finished", "failed", "finished"]
    assert "#1 failed: FailedElsewhereError" in result.stdout
    assert "ZeroDivisionError: by the test" in result.stderr
    assert result.stdout.count("  trained ") == 2
    for number in ("12_0", "12_1"):
        wait_for(slurm.folder / f"{number}.ended")
    assert (slurm.exit_code("12_0"), slurm.exit_code("12_1")) == (1, 0)
    assert "RunFailedError: 1 of 2 runs failed" in log_of(project, "12_0")


@pytest.mark.slow
def test_a_run_that_fails_fast_cancels_the_jobs_of_its_array_that_have_not_begun(project, slurm):
    callback = write_callback(
        project,
        "class Calling:\n"
        "    def cb_on_train_begin(self, trainer):\n"
        "        if trainer.cfg.seed < 3:\n"
        "            raise ZeroDivisionError('by the test')\n",
    )
    seeds = ("seed=1,2,3,4", "fail_fast=true")
    assert train(project, slurm, callback, *seeds).returncode == 0
    (slurm.folder / "12_1.state").write_text("RUNNING\n")
    for number in ("12_0", "12_1"):
        with job(project, slurm, number) as process:
            _, errors = process.communicate()
            assert process.wait() == 1, errors
    assert (slurm.folder / "cancelled").read_text() == "--state=PENDING 12\n"
    assert sorted(path.stem for path in slurm.folder.glob("*.state")) == ["12_1"]
    assert (project / "results/default/slurm/12/cancelled_by").read_text() == "12_0\n"
    assert states_of(project) == ["failed"] * 2


@pytest.mark.slow
def test_a_job_that_is_warned_goes_back_into_the_queue_and_ends_with_the_same_bytes(
    project, slurm, autrainer
):
    callback = write_callback(project, MEETING)
    assert train(project, slurm, callback, "iterations=3", "seed=1,2").returncode == 0
    with job(project, slurm, "12_0") as process:
        wait_for(project / "met")
        process.send_signal(signal.SIGUSR2)
        process.communicate()
        assert process.wait() == 255
    assert states_of(project) == ["interrupted"]
    assert slurm.is_requeued("12_0")
    for number, restarts in (("12_0", 1), ("12_1", 0)):
        with job(project, slurm, number, restarts) as process:
            _, errors = process.communicate()
            assert process.wait() == 0, errors
    assert states_of(project) == ["finished"] * 2
    journal = read(project / "results/default/training/sweep.yaml")
    assert (journal["left"], journal["states"]) == (0, {"finished": 2})
    assert [entry["job"] for entry in journal["runs"].values()] == ["12_0", "12_1"]
    alone = trained_in_turn(project, autrainer, callback, "iterations=3", "seed=1,2")
    assert trained_by_slurm(project) == alone


@pytest.mark.slow
def test_a_run_stops_before_the_time_of_its_job_is_up_and_goes_on(project, slurm, autrainer):
    assert train(project, slurm, "seed=1", options="time: 1h").returncode == 0
    began = {"SLURM_JOB_START_TIME": str(time.time() - 3600 + 299)}
    with job(project, slurm, "12", **began) as process:
        process.communicate()
    assert states_of(project) == ["interrupted"]
    (folder,) = runs_of(project).values()
    assert read(folder / "status.yaml")["exception"]["message"].startswith(
        "Stopped by max_duration"
    )
    assert slurm.is_requeued("12")
    with job(project, slurm, "12", restarts=1) as process:
        _, errors = process.communicate()
        assert process.wait() == 0, errors
    assert read(folder / "status.yaml")["attempts"] == 2
    alone = trained_in_turn(project, autrainer, "seed=1")
    assert trained_by_slurm(project) == alone


@pytest.mark.slow
def test_a_job_whose_time_is_up_too_often_fails(project, slurm):
    options = "time: 1h, max_timeouts: 0"
    assert train(project, slurm, "seed=1", options=options).returncode == 0
    began = {"SLURM_JOB_START_TIME": str(time.time() - 3600)}
    with job(project, slurm, "12", **began) as process:
        _, errors = process.communicate()
        assert process.wait() == 1
    assert "more often than slurm.max_timeouts=0" in errors
    assert not slurm.is_requeued("12")


@pytest.mark.slow
def test_a_job_that_is_asked_to_end_keeps_the_state_and_does_not_come_back_by_itself(
    project, slurm
):
    callback = write_callback(project, MEETING)
    assert train(project, slurm, callback, "seed=1").returncode == 0
    with job(project, slurm, "12") as process:
        wait_for(project / "met")
        process.send_signal(signal.SIGTERM)
        while states_of(project) != ["interrupted"]:
            time.sleep(0.01)
        assert process.poll() is None
        assert not slurm.is_requeued("12")
        process.send_signal(signal.SIGUSR2)
        process.communicate()
        assert process.wait() == 255
    assert slurm.is_requeued("12")


@pytest.mark.slow
def test_what_is_queued_or_at_work_is_not_submitted_again(project, slurm):
    first = train(project, slurm, "seed=1,2")
    assert first.returncode == 0, first.stderr
    assert "queued: job 12_0" in first.stdout
    assert "scancel 12\n" in first.stdout
    assert "autrainer runs results/default/training --watch" in first.stdout
    slurm.leave_queue("12_1")
    again = train(project, slurm, "seed=1,2,3")
    assert "#0 is in the queue: job 12_0, pending" in again.stdout
    assert "queued: job 13_1" in again.stdout
    jobs = read(project / "results/default/slurm/jobs.yaml")
    assert list(jobs.values()) == ["12_0", "13_0", "13_1"]


@pytest.mark.slow
def test_whoever_stops_waiting_leaves_the_jobs_alone(project, slurm):
    environment = {**slurm.environment, "FAKE_SLURM_HOLDS": "1"}
    launcher = ("launcher=slurm", "slurm={time: 8h, wait: true}", "seed=1,2")
    with command(project, "train", *SMALL, *launcher, **environment) as process:
        while "Waiting for 2 runs" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
        assert process.wait() == 130, errors
    assert "The jobs go on" in output
    assert output.count("queued: job 12_") == 2
    assert not (slurm.folder / "cancelled").exists()


def test_runs_that_do_not_say_how_many_processes_they_have_are_refused(project, slurm):
    result = train(project, slurm, "devices=all")
    assert result.returncode == 1
    assert "asks for a number of them" in result.stderr
    assert (slurm.folder / "last").read_text() == "11"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (None, "say at least how long a job may take"),
        ({"partition": "gpu"}, "say how long a job may take"),
        ({"time": "8h", "partion": "gpu"}, "did you mean 'partition'"),
        ({"time": "8h", "sbatch": {"mem": "4GB"}}, "use slurm.memory"),
        ({"time": "8h", "sbatch": {"output": "here"}}, "leave output out"),
        ({"time": "8h", "sbatch": {"nodes": 2}}, "use the key nodes of the run"),
        ({"time": "8h", "sbatch": {"ntasks-per-node": 2}}, "use the key devices of the run"),
        ({"time": "8h", "sbatch": {"nice": None}}, "texts, numbers or true"),
        ({"time": "8h", "margin": "9h"}, "shorter than slurm.time"),
        ({"time": 8}, "a time with units"),
    ],
)
def test_what_slurm_cannot_be_asked_for_is_told(options, told):
    reader = Reader({"launcher": "slurm", "slurm": options})
    SweepSection.read(reader)
    (problem,) = reader.problems
    assert told in problem.line()


def test_slurm_limits_the_runs_that_train_at_once_by_a_key_of_its_own():
    reader = Reader({"launcher": "slurm", "slurm": {"time": "8h"}, "jobs": 2})
    SweepSection.read(reader)
    (problem,) = reader.problems
    assert "slurm.at_once" in problem.line()


def test_what_slurm_refuses_is_told(project, slurm):
    (project / "bin" / "sbatch").write_text("#!/bin/bash\necho 'invalid partition' >&2\nexit 1\n")
    result = train(project, slurm, "seed=1")
    assert result.returncode == 1
    assert "SLURM has not taken the jobs" in result.stderr
    assert "invalid partition" in result.stderr
    assert "Traceback" not in result.stderr


def test_runs_of_several_processes_ask_for_as_many_gpus_and_cores():
    section = SlurmSection(time=90.0, cpus=4, sbatch=(("mail_type", "END"),))
    asked = parameters(section, Resources(processes=2, on_gpus=True), "name")
    assert (asked["cpus_per_task"], asked["gpus_per_node"], asked["time"]) == (8, 2, 2)
    assert asked["additional_parameters"] == {"requeue": True, "mail_type": "END"}
    on_cpu = parameters(SlurmSection(time=90.0), Resources(processes=3, on_gpus=False), "name")
    assert on_cpu["cpus_per_task"] == 3
    assert "gpus_per_node" not in on_cpu


def test_processes_on_several_nodes_are_tasks_with_cores_of_their_own():
    section = SlurmSection(time=90.0, cpus=4)
    asked = parameters(section, Resources(processes=2, on_gpus=True, nodes=3), "name")
    assert (asked["nodes"], asked["ntasks_per_node"]) == (3, 2)
    assert (asked["cpus_per_task"], asked["gpus_per_node"]) == (4, 2)


def test_several_nodes_without_a_cluster_are_refused(project):
    result = run(project, "train", *SMALL, "nodes=2")
    assert result.returncode == 1
    assert "nodes is 2" in result.stderr
    assert "torchrun or srun" in " ".join(result.stderr.split())


@pytest.fixture
def meeting_point():
    """The variables by which tasks of a job meet on this machine, at a port of their own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {"MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_a_job_on_several_nodes_trains_its_run_by_all_their_tasks(project, slurm, meeting_point):
    slurm.environment |= meeting_point
    options = "time: 8h, wait: true"
    result = train(project, slurm, "nodes=2", "seed=1", options=options, holds="")
    assert result.returncode == 0, result.stderr
    wait_for(slurm.folder / "12.ended")
    assert slurm.exit_code("12") == 0
    for line in ("--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=1"):
        assert f"#SBATCH {line}\n" in slurm.script(12)
    assert states_of(project) == ["finished"]
    (folder,) = runs_of(project).values()
    [environment] = read(folder / "status.yaml")["conditions"]["environments"]
    assert environment["processes"] == 2


@contextmanager
def tasks_of(project, slurm, variables, restarts=0):
    """The two tasks of a job that was held."""
    step = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "localhost"}
    step |= {"SLURM_STEP_TASKS_PER_NODE": "1(x2)", "SLURM_NTASKS": "2", "SLURM_NNODES": "2"}
    step |= variables
    ranks = [{**step, "SLURM_PROCID": rank, "SLURM_NODEID": rank} for rank in "01"]
    with (
        job(project, slurm, "12", restarts, SLURM_LOCALID="0", **ranks[0]) as main,
        job(project, slurm, "12", restarts, SLURM_LOCALID="0", **ranks[1]) as other,
    ):
        yield main, other


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGUSR2", "SIGTERM"])
def test_a_job_on_several_nodes_that_is_signalled_keeps_its_state_and_goes_on(
    project, slurm, meeting_point, name
):
    callback = write_callback(project, MEETING)
    submitted = train(project, slurm, callback, "nodes=2", "iterations=3", "seed=1")
    assert submitted.returncode == 0, submitted.stderr
    with tasks_of(project, slurm, meeting_point) as tasks:
        wait_for(project / "met")
        for task in tasks:
            task.send_signal(getattr(signal, name))
        while states_of(project) != ["interrupted"]:
            time.sleep(0.01)
        # Cancelled or preempted without a word: the main task waits for what SLURM does.
        if name == "SIGTERM":
            assert tasks[1].wait() == 0
            assert tasks[0].poll() is None
            assert not slurm.is_requeued("12")
            tasks[0].send_signal(signal.SIGUSR2)
        codes = [task.communicate() and task.wait() for task in tasks]
    assert codes == [255, 0]
    assert slurm.is_requeued("12")
    with tasks_of(project, slurm, meeting_point, restarts=1) as tasks:
        ended = [(task.communicate()[1], task.wait()) for task in tasks]
    assert [code for _, code in ended] == [0, 0], ended
    assert states_of(project) == ["finished"]
    (folder,) = runs_of(project).values()
    assert read(folder / "status.yaml")["attempts"] == 2


@pytest.mark.slow
def test_a_job_on_several_nodes_of_which_a_task_fails_fails_with_its_error(
    project, slurm, meeting_point
):
    callback = write_callback(
        project,
        "class Calling:\n"
        "    on_all_ranks = True\n"
        "    def cb_on_train_begin(self, trainer):\n"
        "        if trainer.runtime.rank == 1:\n"
        "            raise ZeroDivisionError('by the test')\n",
    )
    options = "time: 8h, runs_per_job: 2"
    submitted = train(project, slurm, callback, "nodes=2", "seed=1,2", options=options)
    assert submitted.returncode == 0, submitted.stderr
    with tasks_of(project, slurm, meeting_point) as tasks:
        ended = [(task.communicate()[1], task.wait()) for task in tasks]
    assert [code for _, code in ended] == [1, 1], ended
    assert states_of(project) == ["failed"]
    (folder,) = runs_of(project).values()
    assert "ZeroDivisionError: by the test" in (folder / "error.txt").read_text()


def test_a_margin_leaves_most_of_a_short_time_to_the_run():
    assert SlurmSection(time=28_800.0).margin_s == 300
    assert SlurmSection(time=600.0).margin_s == 150
    assert SlurmSection(time=600.0, margin=20.0).margin_s == 20


@pytest.mark.slow
def test_a_job_of_submitits_local_executor_is_requeued_and_goes_on(project, slurm):
    import submitit

    callback = write_callback(project, MEETING)
    assert train(project, slurm, callback, "seed=1").returncode == 0
    pickled = project / "results/default/slurm/12/12_submitted.pkl"
    pack = pickle.loads(pickled.read_bytes()).function
    executor = submitit.LocalExecutor(project / "local")
    submitted = executor.submit(pack)
    wait_for(project / "met")
    while not (children := forked.children_of(int(submitted.job_id))):
        time.sleep(0.01)
    os.kill(children[0], signal.SIGUSR2)
    assert submitted.result() == [path.name for path in runs_of(project).values()]
    assert states_of(project) == ["finished"]
    assert submitted._process.wait() == 0


class SilentAtFirst:
    """A cluster whose controller does not answer, twice, and then knows of no job."""

    def __init__(self):
        self.num_asked = 0

    def states(self):
        self.num_asked += 1
        if self.num_asked < 3:
            raise AutrainerError("squeue has failed: Socket timed out")
        return {}


def test_a_controller_that_does_not_answer_is_asked_again(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(waiting, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(waiting, "ASK_EVERY_S", 0.0)
    cluster, ended = SilentAtFirst(), []
    job = Job(0, ("seed=1",), tmp_path / "run", lambda: None)
    view = View(1, LiveTable(is_shown=False))
    shared = SharedRuns(tmp_path / "jobs.yaml")
    waiting.Waiting([(job, "7_0")], tmp_path, cluster, shared, view).wait(ended.append)
    assert ended == [job]
    assert "job 7_0 has left the queue" in job.result.failure.sentence
    assert cluster.num_asked == 3
    assert caplog.text.count("SLURM does not answer, and is asked again") == 1
