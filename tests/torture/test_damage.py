"""A few of the files that `make torture` damages all."""

import subprocess
import sys

from tests.conftest import REPOSITORY


# In a process of its own: it forks, and torch's threads of earlier tests would not come along.
def test_a_damaged_file_is_named_or_makes_no_difference():
    command = [sys.executable, "-m", "tests.torture.damage"]
    options = ["--files", "12", "--times", "1", "--seed", "3"]
    done = subprocess.run(
        [*command, *options], cwd=REPOSITORY, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 files damaged, 0 complaints" in done.stdout
