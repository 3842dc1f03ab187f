"""A short torture: `make torture` is the long one."""

import pytest

from tests.torture.conftest import torture
from tests.torture.kills import KINDS

LONG = [pytest.param(kind, marks=pytest.mark.long) for kind in KINDS if kind != "epochs"]


@pytest.mark.parametrize("kind", ["epochs", *LONG])
def test_a_run_that_is_killed_ends_as_one_that_was_left_alone(kind):
    told = torture("kills", "--kind", kind, "--kills", "2", "--seed", "7")
    assert "2 kills survived (seed 7)" in told
