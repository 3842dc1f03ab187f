"""A short torture of runs of several processes: `python -m tests.torture.ranks` is the long one."""

import pytest

from tests.torture.conftest import torture


@pytest.mark.long
def test_a_run_whose_processes_are_killed_ends_as_one_that_was_left_alone():
    told = torture("ranks", "--kind", "a last batch of one", "--kills", "2", "--seed", "3")
    assert "all survived (seed 3)" in told
