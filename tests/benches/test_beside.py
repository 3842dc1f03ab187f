"""Benches of two trees in turns: `python -m benches.beside`."""

import pytest
from benches.beside.__main__ import compare, table

pytestmark = pytest.mark.slow

ONE = """
def test_first(benchmark):
    benchmark(lambda: None)

def test_second(benchmark):
    def call():
        {second}
    assert benchmark.pedantic(call, rounds=3) == 7

def test_third(benchmark):
    benchmark.pedantic(lambda: None, setup=lambda: ((), {{}}))
"""
NAMES = [f"test_one.py::test_{name}" for name in ("first", "second", "third")]


def compared(tmp_path, *seconds):
    """Rounds of trees whose second benches do this."""
    trees = []
    for number, second in enumerate(seconds):
        tree = tmp_path / str(number)
        tree.mkdir()
        (tree / "test_one.py").write_text(ONE.format(second=second))
        trees.append(tree)
    logs = [tmp_path / f"{number}.log" for number in range(len(trees))]
    return compare(trees, NAMES, seconds=0.001, rounds=5, logs=logs)


def test_rounds_of_two_trees_are_pairs(tmp_path):
    found = compared(tmp_path, "return 7", "return 7")
    assert list(found) == NAMES
    assert {len(pairs) for pairs in found.values()} <= {4, 5}
    lines = table([found, found])
    assert sorted(line.split()[-1] for line in lines) == sorted(NAMES)


@pytest.mark.parametrize(
    "failing", [("raise ValueError", "return 7"), ("return 7", "import os; os._exit(1)")]
)
def test_a_bench_that_fails_in_one_of_the_trees_is_left_out_and_nobody_waits(tmp_path, failing):
    found = compared(tmp_path, *failing)
    assert NAMES[0] in found
    assert NAMES[1] not in found
    assert (NAMES[2] in found) is ("_exit" not in failing[1])
