import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.engine.runtime import Runtime
from autrainer.engine.step import MeanLoss
from tests.ranks import on_all

CPU = torch.device("cpu")


def test_one_process_is_the_main_one_and_has_everything():
    runtime = Runtime(CPU)
    assert (runtime.is_main, runtime.rank, runtime.world_size) == (True, 0, 1)
    assert runtime.gather("all") == ["all"]
    assert runtime.reduce(torch.tensor(3.0)) == 3.0


@pytest.mark.parametrize("world_size", [2, 3])
def test_sums_and_values_of_all_processes_are_the_same_on_all(world_size):
    def exchanged(communicator):
        runtime = Runtime(CPU, communicator)
        own = torch.tensor(float(runtime.rank))
        total = runtime.reduce(own)
        return runtime.is_main, own.item(), total.item(), runtime.gather(f"rank {runtime.rank}")

    names = [f"rank {rank}" for rank in range(world_size)]
    assert on_all(world_size, exchanged) == [
        (rank == 0, float(rank), float(sum(range(world_size))), names) for rank in range(world_size)
    ]


@given(
    losses=st.lists(st.lists(st.integers(-99, 99), max_size=5), min_size=3, max_size=3),
    world_size=st.integers(1, 3),
)
@settings(max_examples=20)
def test_the_mean_loss_is_that_of_the_samples_of_all_processes(losses, world_size):
    # Whole numbers: sums of them do not depend on their order.
    numbers = torch.tensor([loss for each in losses for loss in each], dtype=torch.float64)

    def mean(communicator):
        kept = MeanLoss(Runtime(CPU, communicator))
        for each in losses[communicator.process.rank :: world_size]:
            kept.add(torch.tensor(each, dtype=torch.float32))
        return kept.mean()

    expected = pytest.approx(numbers.mean().item(), nan_ok=True, abs=0, rel=1e-15)
    assert on_all(world_size, mean) == [expected] * world_size


@pytest.mark.parametrize("before", [1, 2, 3])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_losses_that_some_processes_have_kept_are_taken_back_by_others(before, after):
    def kept(communicator):
        losses = MeanLoss(Runtime(CPU, communicator))
        losses.add(torch.full((2,), float(communicator.process.rank)))
        return losses.state_dict()

    def taken(communicator):
        losses = MeanLoss(Runtime(CPU, communicator))
        losses.add(torch.tensor([77.0]))
        losses.load_state_dict(state)
        return losses.mean()

    state, *others = on_all(before, kept)
    assert all(other == state for other in others)
    assert on_all(after, taken) == [(before - 1) / 2] * after
