"""A few of the faults that `make torture` tries all."""

import shutil
import sys

import pytest

from tests.torture.conftest import torture

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="calls are preloaded on Linux")
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@needs_linux
@needs_compiler
def test_a_run_whose_calls_fail_says_so_loses_nothing_and_goes_on():
    told = torture("faults", "--faults", "2", "--seed", "7")
    assert "2 faults, 0 not survived" in told
