"""A few of the files that `make torture` damages all."""

import pytest

from tests.torture.conftest import torture


@pytest.mark.long
def test_a_damaged_file_is_named_or_makes_no_difference():
    told = torture("damage", "--files", "5", "--times", "1", "--seed", "3")
    assert "5 files damaged, 0 complaints" in told
