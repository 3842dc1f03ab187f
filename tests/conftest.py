"""Guards around every test, and the ways in which tests compose configurations and run commands."""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
CONF = REPOSITORY / "conf"
SET_BY_OTHERS = {"PYTEST_CURRENT_TEST", "CUBLAS_WORKSPACE_CONFIG", "TORCHINDUCTOR_CACHE_DIR"}
"""pytest's own, the one that reproducibility on CUDA needs, and one that torch sets on import."""
AUTRAINER = Path(sys.executable).with_name("autrainer")


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(tmp_path):
    """Each test has a folder of its own and leaves no thread, variable or directory behind."""
    random.seed(0)
    before = Path.cwd()
    os.chdir(tmp_path)
    environment = dict(os.environ)
    threads = set(threading.enumerate())
    yield
    os.chdir(before)
    left = [thread for thread in threading.enumerate() if thread not in threads]
    for thread in left:
        thread.join(timeout=5)
    assert [thread.name for thread in left if thread.is_alive()] == []
    changed = {
        key
        for key in environment.keys() | os.environ.keys()
        if environment.get(key) != os.environ.get(key) and key not in SET_BY_OTHERS
    }
    assert changed == set()


@pytest.fixture
def autrainer(tmp_path):
    """Run the installed command in the test's folder; returns the finished process."""

    def run(*arguments, cwd=tmp_path, check=True, **options):
        environment = dict(os.environ, PYTHONWARNINGS="ignore", COLUMNS="120")
        process = subprocess.run(
            [str(AUTRAINER), *map(str, arguments)],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **options,
        )
        if check and process.returncode != 0:
            pytest.fail(f"exit code {process.returncode}\n{process.stdout}\n{process.stderr}")
        return process

    return run
