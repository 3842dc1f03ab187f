"""A short torture: `make torture` is the long one."""

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.torture.kills import KINDS


# In a process of its own: it forks, and torch's threads of earlier tests would not come along.
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_ends_as_one_that_was_left_alone(kind):
    command = [sys.executable, "-m", "tests.torture.kills", "--kind", kind]
    done = subprocess.run(
        [*command, "--kills", "4", "--seed", "7"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kills survived (seed 7)" in done.stdout
