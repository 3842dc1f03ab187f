"""Two commands of one sweep in one folder: each run is trained once, whoever trains it."""

import time

import pytest

from tests import forked
from tests.integration.conftest import SMALL, read, runs_of
from tests.launching.forked_workers import command

pytestmark = pytest.mark.slow

MEETING = """
import os
import time
from pathlib import Path


class Meeting:
    # A run with seed 1 lasts until another command has begun a run, and longer if it is told so.
    def __init__(self, until="begun_by_another"):
        self.until = until

    def cb_on_dev_end(self, trainer, iteration, dev_results):
        seed = trainer.cfg.seed
        command = os.environ["COMMAND"]
        Path(f"{command}_{seed}").touch()
        while seed == 1 and not self.is_over(command):
            time.sleep(0.01)
        if seed == 1 and self.until == "failure":
            raise ValueError("by the test")

    def is_over(self, command):
        if self.until == "never":
            return Path("killed").exists()
        return any(not path.name.startswith(command) for path in Path().glob("?_?"))
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "conf" / "plotting").mkdir(parents=True)
    (tmp_path / "conf" / "plotting" / "None.yaml").touch()
    (tmp_path / "meeting.py").write_text(MEETING)
    return tmp_path


def train(project, name, *overrides, until="begun_by_another"):
    callback = f"+callbacks=[{{meeting.Meeting: {{until: {until}}}}}]"
    return command(project, "train", *SMALL, callback, *overrides, COMMAND=name)


def attempts_of(project):
    return {
        int(run.name.rpartition("_")[2]): read(run / "status.yaml")["attempts"]
        for run in runs_of(project).values()
    }


@pytest.mark.parametrize("jobs", [pytest.param("jobs=1", marks=pytest.mark.long), "jobs=2"])
def test_each_takes_runs_that_the_other_has_not_taken(project, jobs):
    with train(project, "a", "seed=1,2,3,4") as first:
        wait_for(project / "a_1")
        with train(project, "b", "seed=1,2,3,4", jobs) as second:
            output, errors = second.communicate()
            _, other_errors = first.communicate()
            assert (first.wait(), second.wait()) == (0, 0), errors + other_errors
    assert attempts_of(project) == dict.fromkeys((1, 2, 3, 4), 1)
    assert "trained elsewhere" in output
    journal = read(project / "results" / "default" / "training" / "sweep.yaml")
    assert journal["left"] == 0
    assert journal["states"] == {"finished": 4}
    assert journal["runs"].keys() == runs_of(project).keys()


def wait_for(path):
    while not path.exists():
        time.sleep(0.01)


def test_a_run_of_a_command_that_was_killed_is_taken_over(project):
    with train(project, "a", "seed=1,2", until="never") as first:
        wait_for(project / "a_1")
        with train(project, "b", "seed=1,2", until="never") as second:
            wait_for(project / "b_2")
            (project / "killed").touch()
            first.kill()
            output, errors = second.communicate()
            assert second.wait() == 0, errors
    assert attempts_of(project) == {1: 2, 2: 1}
    assert "Waiting for runs that other commands train: 1" in output


def test_a_run_that_has_failed_elsewhere_is_not_tried_again_at_once(project):
    with train(project, "a", "seed=1,2", until="failure") as first:
        wait_for(project / "a_1")
        with train(project, "b", "seed=1,2", until="failure") as second:
            _, errors = second.communicate()
            assert second.wait() == 1
            first.communicate()
    assert attempts_of(project)[1] == 1
    assert "has tried this run: ValueError: by the test" in errors


def test_the_command_of_a_single_run_is_refused_while_another_one_trains_it(project):
    with train(project, "a", "seed=1", until="never") as first:
        wait_for(project / "a_1")
        result = forked.run_command("train", *SMALL, "seed=1", cwd=project)
        assert result.returncode == 1
        (project / "killed").touch()
        assert first.communicate()
    assert "is being worked on by process" in result.stderr


def test_the_journal_tells_what_is_left(project):
    (project / "meeting.py").write_text(
        "class Meeting:\n"
        "    def __init__(self, until):\n"
        "        pass\n"
        "    def cb_on_train_begin(self, trainer):\n"
        "        if trainer.cfg.seed == 2:\n"
        "            raise KeyboardInterrupt\n"
    )
    with train(project, "a", "seed=1,2,3") as process:
        process.communicate()
        assert process.wait() == 130
    folder = project / "results" / "default" / "training"
    journal = read(folder / "sweep.yaml")
    assert journal["left"] == 2
    assert [entry["state"] for entry in journal["runs"].values()] == [
        "finished",
        "interrupted",
        "waiting",
    ]
