"""Which folders hold a finished run."""

import os

import pytest

from autrainer.errors import CorruptFileError
from autrainer.runs.finished import check_table, is_finished, tidy_up
from autrainer.runs.finished import table_checksum as checksum
from autrainer.runs.layout import RESUME, TABLE
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.status import Status


@pytest.fixture
def run(tmp_path):
    (tmp_path / TABLE).write_text("accuracy,iteration\n0.5,1\n")
    return tmp_path


def test_a_folder_of_an_earlier_version_is_told_by_its_table(run):
    assert is_finished(run)
    (run / TABLE).unlink()
    assert not is_finished(run)


def test_a_run_that_still_tells_its_listeners_has_not_finished(run):
    status = Status(run)
    status.begin()
    assert not is_finished(run)
    status.finish(checksum(run))
    assert is_finished(run)


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_run_that_stopped_after_its_table_has_not_finished(run, interrupted):
    Status(run).stop(ValueError("a listener failed"), interrupted=interrupted)
    assert not is_finished(run)


def test_a_damaged_status_leaves_it_to_the_table(run):
    (run / "status.yaml").write_bytes(b"state: [runn")
    assert is_finished(run)


def test_a_table_that_changed_is_told(run):
    check_table(run)
    Status(run).finish(checksum(run))
    check_table(run)
    (run / TABLE).write_text("accuracy,iteration\n0.7,1\n")
    with pytest.raises(CorruptFileError, match=r"metrics\.csv.*checksum"):
        check_table(run)


def test_what_a_killed_process_left_is_removed(run):
    (run / RESUME).mkdir()
    (run / RESUME / "state-0").write_bytes(b"large")
    (run / ".lock").write_text("")
    tidy_up(run)
    assert os.listdir(run) == [TABLE]


def test_the_owner_of_a_folder_is_let_alone(run):
    (run / RESUME).mkdir()
    lock = RunLock(run)
    tidy_up(run)
    assert (run / RESUME).is_dir()
    lock.release()
