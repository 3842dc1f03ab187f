"""Guards around every test, and the ways in which tests compose configurations and run commands."""

import fcntl
import functools
import importlib.metadata
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, settings

from tests import durations, forked
from tests.skips import pytest_runtest_makereport  # noqa: F401, a hook

REPOSITORY = Path(__file__).parent.parent
CONF = REPOSITORY / "conf"
_FOLDER_NUMBERS = itertools.count()
SET_BY_OTHERS = {
    *("PYTEST_CURRENT_TEST", "CUBLAS_WORKSPACE_CONFIG", "TORCHINDUCTOR_CACHE_DIR"),
    "_TORCHINDUCTOR_PYOBJECT_TENSOR_DATA_PTR",
}
"""pytest's own, the one that reproducibility on CUDA needs, and those of torch's compiler."""
AUTRAINER = forked.AUTRAINER
SLOW_FOLDERS = {"integration", "torture", "training"}
SLOW_FIXTURES = {"autrainer", "installed_autrainer", "sweep", "made_once"}
"""Tests that train or compose, which `make test-fast` leaves out beside those marked `slow` and
those in `slow.txt`."""

# One thread for each of the processes that run tests: more of them wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What a shell in the background or `nohup` has its children ignore is not ignored in tests.
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(number) is signal.SIG_IGN:
        is_interrupt = number == signal.SIGINT
        signal.signal(number, signal.default_int_handler if is_interrupt else signal.SIG_DFL)

# Parameters that modules draw are the same in every process.
random.seed(0)
numpy.random.seed(0)

# Pure, and asked by audobject for every object that it writes: a third of a second each.
importlib.metadata.packages_distributions = functools.cache(
    importlib.metadata.packages_distributions
)

# The same examples every time, however long they take: a test is red because of the code.
settings.register_profile(
    "suite",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# What `make torture` looks at: other examples every time, and more of them.
settings.register_profile(
    "torture", settings.get_profile("suite"), derandomize=False, max_examples=1000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_configure(config):
    # All workers have to collect the same tests in the same order, those from sets too; whatever
    # tests start must not depend on the order of a set.
    if hasattr(config, "workerinput"):
        os.environ.pop("PYTHONHASHSEED", None)
    elif config.getoption("numprocesses", None):
        os.environ["PYTHONHASHSEED"] = "0"
    # Shells start what is in the background with this signal ignored, and that is inherited.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    listed = {kind.mark: kind.listed() for kind in durations.KINDS}
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} is named after an address; give it an id")
        folder = item.path.relative_to(REPOSITORY / "tests").parts[0]
        marks = {mark for mark in listed if durations.function_of(item.nodeid) in listed[mark]}
        if folder in SLOW_FOLDERS or SLOW_FIXTURES & set(item.fixturenames):
            marks.add("slow")
        for mark in sorted(marks):
            item.add_marker(mark)


def pytest_collection_finish():
    """From here on modules are not compiled: two versions within a second would pass for one."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


@pytest.fixture
def tmp_path(tmp_path_factory, request):
    """A folder of its own for each test, which stays if the test fails.

    That of pytest also moves a link to the latest, which took longer than most tests.
    """
    base = tmp_path_factory.getbasetemp()
    name = re.sub(r"\W", "_", request.node.name)[:30]
    folder = base / f"{name}{next(_FOLDER_NUMBERS)}"
    folder.mkdir(mode=0o700)
    num_failed = request.session.testsfailed
    yield folder
    if request.session.testsfailed == num_failed:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _shared_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(request, _shared_folder):
    """Each test begins in an empty folder and leaves no thread, variable or file behind."""
    random.seed(0)
    before = Path.cwd()
    has_folder = "tmp_path" in request.fixturenames
    os.chdir(request.getfixturevalue("tmp_path") if has_folder else _shared_folder)
    environment = dict(os.environ)
    threads = set(threading.enumerate())
    yield
    os.chdir(before)
    for path in _shared_folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    left = [t for t in threading.enumerate() if t not in threads and not _is_of_compiler(t)]
    for thread in left:
        thread.join(timeout=60)
    assert [thread.name for thread in left if thread.is_alive()] == []
    changed = {
        key
        for key in environment.keys() | os.environ.keys()
        if environment.get(key) != os.environ.get(key) and key not in SET_BY_OTHERS
    }
    assert changed == set()


def _is_of_compiler(thread):
    """Whether a thread is torch's, of processes that compile and stay for the next time (2.4)."""
    target = getattr(thread, "_target", None)
    return getattr(target, "__module__", "").startswith("torch._inductor")


@pytest.fixture
def autrainer(tmp_path):
    """Run the command in the test's folder, in a process that begins with everything imported."""
    return functools.partial(_command, forked.run_command, tmp_path)


@pytest.fixture
def installed_autrainer(tmp_path):
    """The same as a new interpreter: for what its start, its imports or its threads are about."""

    def run(*arguments, timeout=forked.LIMIT_S, **options):
        command = [str(AUTRAINER), *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=timeout, **options
        )

    return functools.partial(_command, run, tmp_path)


def _command(run, folder, *arguments, cwd=None, check=True, **options):
    environment = dict(os.environ, PYTHONWARNINGS="ignore", COLUMNS="120")
    process = run(*arguments, cwd=cwd or folder, env=environment, **options)
    if check and process.returncode != 0:
        pytest.fail(f"exit code {process.returncode}\n{process.stdout}\n{process.stderr}")
    return process


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """`made_once(name, make)`: a folder that `make(folder)` fills once for all workers.

    Nobody may change it: whoever wants to takes a copy.
    """
    # Workers have folders of their own below the one of the session.
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    base = base.parent if is_worker else base

    def made(name, make):
        folder, whole = base / f"once-{name}", base / f"once-{name}.whole"
        with open(base / f"once-{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    return made
