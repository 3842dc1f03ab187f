"""A short torture: `make torture` is the long one."""

import pytest

from tests.torture.kills import KINDS, torture


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_ends_as_one_that_was_left_alone(kind, tmp_path):
    result = torture(KINDS[kind], kills=4, seed=7, folder=tmp_path)
    assert result.kills >= 4
    assert result.differences == []
