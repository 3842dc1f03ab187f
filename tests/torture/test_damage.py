"""A few of the files that `make torture` damages all."""

from tests.torture.damage import torture


def test_a_damaged_file_is_named_or_makes_no_difference(tmp_path, capsys):
    damaged, complaints = torture(tmp_path, limit=12, times=1, seed=3)
    assert damaged == 12
    assert complaints == []
