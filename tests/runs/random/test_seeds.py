"""Seeds: runs that were kept by earlier versions go on by them, so no number may change."""

import ast

from hypothesis import given
from hypothesis import strategies as st

from autrainer.runs.random.seeds import (
    LARGEST_SEED,
    SEED_BITS,
    derived_seed,
    next_generator_seed,
    worker_seed,
)
from tests.conftest import REPOSITORY

names = st.recursive(
    st.integers() | st.none() | st.text(max_size=3),
    lambda inner: st.tuples(inner, inner),
    max_leaves=4,
)


def test_derived_seeds_are_the_same_on_every_platform_and_in_every_version():
    assert derived_seed() == 5694367389426422167
    assert derived_seed(0) == 5263075011782779848
    assert derived_seed(2**64, -1, (None, "a")) == 4091397456348629448
    assert derived_seed(1, "train", 1, bits=SEED_BITS) == 2744765947
    assert derived_seed(3, 1, bits=SEED_BITS) == 3446009037


@given(st.lists(names, max_size=4), st.lists(names, max_size=4))
def test_only_the_same_name_has_the_same_seed(one, other):
    assert (derived_seed(*one) == derived_seed(*other)) is (one == other)


@given(st.integers(0, LARGEST_SEED), st.integers(0, 10**6))
def test_derived_seeds_have_the_bits_that_were_asked_for(seed, iteration):
    assert 0 <= derived_seed(seed, "train", iteration, bits=SEED_BITS) <= LARGEST_SEED
    assert 0 <= derived_seed(seed, "train", iteration) < 2**64


def test_the_older_formulas_give_what_they_gave():
    assert [worker_seed(7, worker) for worker in range(3)] == [7, 8, 9]
    assert worker_seed(LARGEST_SEED, 3) == 2
    assert next_generator_seed(7) == 8


def is_seed(node):
    name = getattr(node, "id", getattr(node, "attr", ""))
    return name == "seed" or name.endswith("_seed")


def combines_seeds(node):
    """Whether an expression computes with a seed, or hashes what stands for one."""
    if isinstance(node, ast.BinOp):
        return is_seed(node.left) or is_seed(node.right)
    return isinstance(node, ast.Call) and ast.unparse(node).startswith("hashlib.blake2b(repr(")


def test_no_other_module_makes_seeds_of_seeds():
    package = REPOSITORY / "python" / "autrainer"
    home = package / "runs" / "random" / "seeds.py"
    found = {
        path: [
            ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text()))
            if combines_seeds(node)
        ]
        for path in package.rglob("*.py")
    }
    assert found.pop(home)
    # Its global generator is seeded with 32 of the 64 bits that it is given.
    assert found.pop(package / "runs" / "random" / "keys.py") == ["seed & 4294967295"]
    assert {path: lines for path, lines in found.items() if lines} == {}
