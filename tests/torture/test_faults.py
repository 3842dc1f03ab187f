"""A few of the faults that `make torture` tries all."""

import shutil
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="calls are preloaded on Linux")
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@needs_linux
@needs_compiler
def test_a_run_whose_calls_fail_says_so_loses_nothing_and_goes_on():
    command = [sys.executable, "-m", "tests.torture.faults", "--faults", "30", "--seed", "7"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "30 faults, 0 not survived" in done.stdout
