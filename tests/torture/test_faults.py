"""A few of the faults that `make torture` tries all."""

import shutil
import sys

import pytest

from tests.torture.conftest import torture

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="calls are preloaded on Linux")
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@needs_linux
@needs_compiler
# Three trials, since each has to end within its time where both cores are busy with other things.
@pytest.mark.parametrize("seed", ["7", "8", "9"])
def test_a_run_whose_calls_fail_says_so_loses_nothing_and_goes_on(seed):
    told = torture("faults", "--faults", "5", "--seed", seed)
    assert "5 faults, 0 not survived" in told
