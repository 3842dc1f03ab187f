import pytest
from hypothesis import given
from hypothesis import strategies as st

from autrainer.errors import ConfigError
from autrainer.runs.process.run_process import ONLY_PROCESS, RunProcess


def processes(world_size):
    return [RunProcess(rank, world_size) for rank in range(world_size)]


@given(num=st.integers(0, 200), world_size=st.integers(1, 9))
def test_shares_are_all_things_once_and_differ_by_one_at_most(num, world_size):
    shares = [range(num)[slice(*process.share(num))] for process in processes(world_size)]

    assert [thing for share in shares for thing in share] == list(range(num))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(num=st.integers(1, 200), world_size=st.integers(1, 9))
def test_where_there_is_something_the_main_process_has_some(num, world_size):
    assert len(range(num)[slice(*RunProcess(0, world_size).share(num))]) > 0


def test_only_the_first_process_is_the_main_one():
    assert [process.is_main for process in processes(3)] == [True, False, False]
    assert ONLY_PROCESS.is_main
    assert ONLY_PROCESS.is_alone


@pytest.mark.parametrize(("rank", "world_size"), [(-1, 1), (1, 1), (3, 2), (0, 0)])
def test_a_process_that_there_is_not_is_refused(rank, world_size):
    with pytest.raises(ConfigError, match=f"rank is {rank} and world_size is {world_size}"):
        RunProcess(rank, world_size)
