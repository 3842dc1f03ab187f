"""What holds for the tests themselves: who is skipped without leave, or hangs, is named."""

import os
import subprocess
import sys

import pytest

from tests import durations, forked
from tests.conftest import REPOSITORY

FILE = """
import signal
import threading

import pytest


@pytest.mark.skip(reason="needs CUDA")
def test_listed():
    pass


@pytest.mark.skip(reason="it is Monday")
def test_marked():
    pass


def test_midway():
    pytest.skip("it is Tuesday")


def test_stuck():
    threading.Event().wait()


def test_deaf():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    threading.Event().wait()


def test_after_all():
    pass
"""
OPTIONS = (
    *("-p", "tests.skips", "--numprocesses", "1", "--import-mode", "importlib"),
    *("-o", "addopts=", "-o", "timeout=1", "-o", "faulthandler_timeout=3"),
)


@pytest.fixture
def told(tmp_path):
    """What a session in CI tells of these tests."""
    (tmp_path / "test_all.py").write_text(FILE)
    command = [sys.executable, "-m", "pytest", "--config-file", REPOSITORY / "pyproject.toml"]
    environment = {**os.environ, "CI": "true", "PYTHONPATH": str(REPOSITORY)}
    session = subprocess.run(
        [*command, "--rootdir", tmp_path, *OPTIONS, tmp_path],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return session.stdout + session.stderr


@pytest.mark.slow
def test_who_hangs_or_is_skipped_without_leave_is_named_and_all_others_run(told):
    assert "skipped in CI, which tests/skips.py does not allow: it is Monday" in told
    assert "skipped in CI, which tests/skips.py does not allow: it is Tuesday" in told
    assert "test_all.py::test_stuck - Failed: Timeout" in told
    assert "test_all.py::test_deaf - worker 'gw0' crashed while running" in told
    assert "in test_deaf" in told
    assert "3 failed, 1 passed, 1 skipped, 1 error" in told


HUNG = """
import os, time
if os.fork() == 0:
    time.sleep(600)
time.sleep(600)
"""


@pytest.mark.slow
def test_a_program_that_hangs_says_where_it_and_its_children_are():
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        forked.run(HUNG, timeout=1)
    assert "line 4 in <module>" in caught.value.stderr
    assert "line 5 in <module>" in caught.value.stderr


@pytest.mark.parametrize("kind", durations.KINDS, ids=lambda kind: kind.mark)
def test_the_lists_of_slow_tests_name_tests_that_are_there(kind):
    missing = []
    for name in kind.listed():
        path, _, function = name.partition("::")
        file = REPOSITORY / path
        if not (file.is_file() and f"def {function}(" in file.read_text()):
            missing.append(name)
    assert missing == []
