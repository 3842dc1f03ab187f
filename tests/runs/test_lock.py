"""The lock of a run folder: one owner at a time, and none that is dead."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from autrainer.errors import OutputError, RunInUseError
from autrainer.runs import lock as locks
from autrainer.runs.lock import FILE_NAME, RunLock

HOLD = """
import sys, time
from pathlib import Path
from autrainer.runs.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """A process that holds the lock of the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def owner(folder):
    return json.loads((folder / FILE_NAME).read_text())


def written_elsewhere(folder, **changes):
    content = {"host": "elsewhere", "pid": 7, "since": "then", "slurm_job": None}
    (folder / FILE_NAME).write_text(json.dumps(content | changes))


def test_a_folder_in_use_names_its_owner(tmp_path, other):
    with pytest.raises(RunInUseError, match=rf"process {other.pid} on "):
        RunLock(tmp_path)


def test_a_killed_owner_leaves_nothing_in_the_way(tmp_path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    lock = RunLock(tmp_path)
    assert owner(tmp_path)["pid"] == os.getpid()
    lock.release()


def test_two_runs_of_one_process_exclude_each_other(tmp_path):
    lock = RunLock(tmp_path)
    for _ in range(2):
        with pytest.raises(RunInUseError, match=f"process {os.getpid()}"):
            RunLock(tmp_path)
    lock.release()


def test_a_released_folder_is_free_and_has_no_file_left(tmp_path):
    lock = RunLock(tmp_path)
    lock.release()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    RunLock(tmp_path).release()


def test_an_owner_on_another_machine_counts_while_it_shows_itself(tmp_path):
    written_elsewhere(tmp_path)
    with pytest.raises(RunInUseError, match=r"process 7 on elsewhere .*wait \d+ s"):
        RunLock(tmp_path)
    long_ago = time.time() - locks.SILENT_S - 1
    os.utime(tmp_path / FILE_NAME, (long_ago, long_ago))
    RunLock(tmp_path).release()


def test_a_requeued_job_takes_over_from_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    written_elsewhere(tmp_path, slurm_job="42")
    RunLock(tmp_path).release()


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00\x00", '{"pid": "x"}'])
def test_a_damaged_lock_file_is_no_obstacle(tmp_path, content):
    (tmp_path / FILE_NAME).write_text(content)
    RunLock(tmp_path).release()


def test_the_owner_shows_that_it_lives(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "BEAT_S", 0.01)
    lock = RunLock(tmp_path)
    os.utime(tmp_path / FILE_NAME, (0, 0))
    until = time.monotonic() + 10
    while (tmp_path / FILE_NAME).stat().st_mtime == 0 and time.monotonic() < until:
        time.sleep(0.01)
    assert (tmp_path / FILE_NAME).stat().st_mtime > 0
    lock.release()


def test_children_of_a_dead_owner_are_waited_for(tmp_path):
    code = HOLD.replace(
        'print("held", flush=True)',
        "import os\nif os.fork() == 0:\n    time.sleep(1)\n    os._exit(0)\n"
        'print("held", flush=True)',
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.wait()
        RunLock(tmp_path).release()


@pytest.fixture
def _no_system_locks(monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)


@pytest.mark.usefixtures("_no_system_locks")
def test_without_locks_of_the_system_a_living_owner_of_this_machine_counts(tmp_path):
    lock = RunLock(tmp_path)
    with pytest.raises(RunInUseError, match=f"process {os.getpid()} on "):
        RunLock(tmp_path)
    lock.release()
    RunLock(tmp_path).release()


@pytest.mark.usefixtures("_no_system_locks")
def test_without_locks_of_the_system_a_killed_owner_leaves_nothing_in_the_way(tmp_path, other):
    other.kill()
    other.wait()
    RunLock(tmp_path).release()


def test_a_folder_that_takes_no_lock_file_is_told_with_the_reason(tmp_path):
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(OutputError, match=r"\.lock cannot be written: Is a directory; make"):
        RunLock(tmp_path)
