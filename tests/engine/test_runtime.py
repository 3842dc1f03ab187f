import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.engine.runtime import Runtime

CPU = torch.device("cpu")


@given(num=st.integers(0, 200), world=st.integers(1, 9))
def test_shares_are_all_things_once_and_differ_by_one_at_most(num, world):
    shares = [Runtime(CPU, rank, world).share(num) for rank in range(world)]
    assert [thing for share in shares for thing in share] == list(range(num))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_one_process_is_the_main_one_and_has_everything():
    runtime = Runtime(CPU)
    assert runtime.is_main
    assert runtime.gather("all") == ["all"]
    assert runtime.reduce(torch.tensor(3.0)) == 3.0
