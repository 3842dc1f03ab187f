"""The lock of a run folder: one owner at a time, and none that is dead."""

import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from autrainer.errors import OutputError, RunInUseError
from autrainer.runs.layout import LOCK_FILE
from autrainer.runs.locking import claims, flocks, mounts
from autrainer.runs.locking import lock as locks
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.locking.mounts import has_locks_of_one_machine
from autrainer.runs.locking.owners import Owner

HOLD = """
import sys, threading
from pathlib import Path
from autrainer.runs.locking.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
threading.Event().wait()
"""

on_a_local_disk = pytest.mark.skipif(
    not has_locks_of_one_machine(Path(__file__).parent), reason="only there the lock is certain"
)


@pytest.fixture
def other(tmp_path):
    """A process that holds the lock of the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def _no_system_locks(monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(flocks.fcntl, "flock", refuse)


@pytest.fixture
def _impatient(monkeypatch):
    """An owner that cannot be seen is watched for a moment only."""
    monkeypatch.setattr(claims, "SILENT_S", 0.05)
    monkeypatch.setattr(claims, "POLL_S", 0.01)


@pytest.fixture
def _shared_disk(monkeypatch):
    """The system locks files, but other machines may have mounted the file system too."""
    monkeypatch.setattr(mounts, "OF_ONE_MACHINE", frozenset())


WHERE = pytest.mark.parametrize("where", ["local disk", "_shared_disk", "_no_system_locks"])


@pytest.fixture(autouse=True)
def _where(request):
    """The kind of disk that a test asks for."""
    where = getattr(request.node, "callspec", None) and request.node.callspec.params.get("where")
    if where in ("_shared_disk", "_no_system_locks"):
        request.getfixturevalue(where)


without_locks = pytest.mark.usefixtures("_no_system_locks")
impatient = pytest.mark.usefixtures("_impatient")


def owner(folder):
    return json.loads((folder / LOCK_FILE).read_text())


def written_elsewhere(folder, **changes):
    content = {"host": "elsewhere", "pid": 7, "since": "then", "slurm_job": None}
    (folder / LOCK_FILE).write_text(json.dumps(content | changes))


def dead_owner(folder):
    """The lock file of a process of this machine that is no more."""
    me = json.loads(Owner.this_process().to_bytes())
    (folder / LOCK_FILE).write_text(json.dumps(me | {"started": "1"}))


@WHERE
def test_a_folder_in_use_names_its_owner(tmp_path, other, where):
    with pytest.raises(RunInUseError, match=rf"process {other.pid} on "):
        RunLock(tmp_path)


@WHERE
def test_a_killed_owner_leaves_nothing_in_the_way(tmp_path, other, where):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    lock = RunLock(tmp_path)
    assert owner(tmp_path)["pid"] == os.getpid()
    lock.release()


@WHERE
def test_two_runs_of_one_process_exclude_each_other(tmp_path, where):
    lock = RunLock(tmp_path)
    for _ in range(2):
        with pytest.raises(RunInUseError, match=f"process {os.getpid()}"):
            RunLock(tmp_path)
    lock.release()


@WHERE
def test_a_released_folder_is_free_and_has_no_file_left(tmp_path, where):
    lock = RunLock(tmp_path)
    assert lock.is_held
    lock.release()
    lock.release()
    assert not lock.is_held
    assert list(tmp_path.iterdir()) == []
    RunLock(tmp_path).release()


@on_a_local_disk
@pytest.mark.parametrize("ahead_s", [0, 86_400], ids=["a new container", "a clock that was wrong"])
def test_on_a_local_disk_the_lock_of_the_system_decides_alone(tmp_path, ahead_s):
    written_elsewhere(tmp_path)
    then = time.time() + ahead_s
    os.utime(tmp_path / LOCK_FILE, (then, then))
    RunLock(tmp_path, watches=False).release()


@without_locks
@impatient
@pytest.mark.parametrize("ahead_s", [-86_400, 0, 86_400])
def test_an_owner_that_shows_no_sign_of_life_is_dead_whatever_the_clock_says(
    tmp_path, ahead_s, caplog
):
    written_elsewhere(tmp_path)
    then = time.time() + ahead_s
    os.utime(tmp_path / LOCK_FILE, (then, then))
    RunLock(tmp_path).release()
    assert "process 7 on elsewhere" in caplog.text
    assert list(tmp_path.iterdir()) == []


@without_locks
def test_an_owner_elsewhere_counts_when_it_shows_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "POLL_S", 0.01)
    written_elsewhere(tmp_path)
    seen = threading.Event()

    def beats():
        while not seen.wait(0.005):
            os.utime(tmp_path / LOCK_FILE)

    thread = threading.Thread(target=beats)
    thread.start()
    with pytest.raises(RunInUseError, match="process 7 on elsewhere"):
        RunLock(tmp_path)
    seen.set()
    thread.join()


@without_locks
def test_who_need_not_wait_takes_an_unseen_owner_to_be_alive(tmp_path):
    written_elsewhere(tmp_path)
    with pytest.raises(RunInUseError, match="process 7 on elsewhere"):
        RunLock(tmp_path, watches=False)


@without_locks
def test_a_requeued_job_takes_over_from_itself(tmp_path, monkeypatch):
    written_elsewhere(tmp_path, slurm_job="42")
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    with pytest.raises(RunInUseError):
        # Another task of the job, on another node.
        RunLock(tmp_path, watches=False)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    RunLock(tmp_path, watches=False).release()


CONTENTS = ["", "{", "[]", "\x00\x00", '{"pid": "x"}', "[" * 100_000]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_damaged_lock_file_is_no_obstacle(tmp_path, content):
    (tmp_path / LOCK_FILE).write_text(content)
    RunLock(tmp_path).release()


@without_locks
@impatient
@pytest.mark.parametrize("content", CONTENTS)
def test_without_locks_of_the_system_a_damaged_lock_file_is_watched_for_a_while(tmp_path, content):
    (tmp_path / LOCK_FILE).write_text(content)
    RunLock(tmp_path).release()
    assert list(tmp_path.iterdir()) == []


def test_the_owner_shows_that_it_lives(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "BEAT_S", 0.01)
    lock = RunLock(tmp_path)
    os.utime(tmp_path / LOCK_FILE, (0, 0))
    until = time.monotonic() + 60
    while (tmp_path / LOCK_FILE).stat().st_mtime == 0 and time.monotonic() < until:
        time.sleep(0.01)
    assert (tmp_path / LOCK_FILE).stat().st_mtime > 0
    lock.release()


def test_an_owner_that_was_succeeded_hears_of_it_and_leaves_the_lock_to_the_other(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(locks, "BEAT_S", 0.01)
    run, heard, lost = tmp_path / "run", [], threading.Event()
    run.mkdir()
    lock = RunLock(run)
    lock.on_loss = lambda error: (heard.append(error), lost.set())
    # As another machine puts its name there: by another file.
    written_elsewhere(tmp_path)
    (tmp_path / LOCK_FILE).replace(run / LOCK_FILE)
    lost.wait()
    assert "taken over by process 7 on elsewhere" in str(heard[0])
    assert not lock.is_held
    lock.release()
    assert owner(run)["host"] == "elsewhere"


def test_children_of_a_dead_owner_are_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "ORPHANS_S", 60)
    code = HOLD.replace(
        'print("held", flush=True)',
        "import os, time\nif os.fork() == 0:\n    time.sleep(0.3)\n    os._exit(0)\n"
        'print("held", flush=True)',
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.wait()
        RunLock(tmp_path).release()


@without_locks
def test_a_dead_owner_whose_number_another_process_has_leaves_nothing_in_the_way(tmp_path):
    dead_owner(tmp_path)
    RunLock(tmp_path, watches=False).release()


def no_owner(folder):
    """Nobody has worked on the folder before."""


def heir_died_too(folder):
    """The process that was about to succeed a dead owner was killed meanwhile."""
    dead_owner(folder)
    first = (folder / LOCK_FILE).read_bytes()
    heir = json.dumps(json.loads(Owner.this_process().to_bytes()) | {"started": "1"})
    (folder / f"{LOCK_FILE}-after-{claims.token_of(first)}").write_text(heir)


@pytest.mark.parametrize("before", [no_owner, dead_owner, heir_died_too])
@WHERE
def test_of_many_who_start_at_one_instant_one_gets_the_folder(tmp_path, before, where):
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        before(folder)
        taken, start = [], threading.Barrier(6)

        def take(folder=folder, taken=taken, start=start):
            start.wait()
            try:
                taken.append(RunLock(folder))
            except RunInUseError:
                taken.append(None)

        threads = [threading.Thread(target=take) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (lock,) = [lock for lock in taken if lock is not None]
        assert lock.is_held
        assert owner(folder)["token"] == lock._me.token
        lock.release()
        assert list(folder.iterdir()) == []


@without_locks
def test_where_there_are_no_links_either_one_gets_the_folder(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    lock = RunLock(tmp_path)
    with pytest.raises(RunInUseError):
        RunLock(tmp_path)
    lock.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o077])
@WHERE
def test_the_umask_decides_who_may_use_the_lock(tmp_path, mask, where):
    before = os.umask(mask)
    try:
        lock = RunLock(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / LOCK_FILE).stat().st_mode) == 0o666 & ~mask
    lock.release()


def put_folder(path, outside):
    path.mkdir()


def put_pipe(path, outside):
    os.mkfifo(path)


def put_link(path, outside):
    path.symlink_to(outside)


def put_link_to_nowhere(path, outside):
    path.symlink_to(outside.with_name("nowhere"))


def put_socket(path, outside):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    ("put", "kind"),
    [
        (put_folder, "a folder"),
        (put_pipe, "a pipe"),
        (put_socket, "a socket"),
        (put_link, "a link"),
        (put_link_to_nowhere, "a link"),
    ],
)
@WHERE
def test_what_is_no_file_is_no_lock_and_is_left_alone(tmp_path, put, kind, where):
    (tmp_path / "run").mkdir()
    outside = tmp_path / "outside"
    outside.write_text("precious")
    put(tmp_path / "run" / LOCK_FILE, outside)
    with pytest.raises(OutputError, match=rf"\.lock cannot be written: it is {kind}, not a file"):
        RunLock(tmp_path / "run")
    assert outside.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "run"]
    assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK_FILE]


def test_a_file_that_has_another_name_too_is_not_written_to(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "outside").write_text("precious")
    os.link(tmp_path / "outside", tmp_path / "run" / LOCK_FILE)
    RunLock(tmp_path / "run").release()
    assert (tmp_path / "outside").read_text() == "precious"
