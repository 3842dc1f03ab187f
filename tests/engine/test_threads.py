"""How many threads compute one operation."""

import pytest
import torch

from autrainer.engine.threads import intra_op_threads

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_small_model_is_computed_by_one_thread_and_then_all_is_as_before():
    with intra_op_threads(10_000, 32, CPU):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("mult_adds", [10**9, None])
def test_a_large_model_or_an_unknown_one_keeps_its_threads(mult_adds):
    with intra_op_threads(mult_adds, 32, CPU):
        assert torch.get_num_threads() == 2


def test_the_batch_size_counts():
    with intra_op_threads(10_000, 100_000, CPU):
        assert torch.get_num_threads() == 2


def test_a_choice_of_the_user_stands(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with intra_op_threads(10_000, 32, CPU):
        assert torch.get_num_threads() == 2


def test_threads_are_given_back_after_an_error():
    with pytest.raises(RuntimeError), intra_op_threads(1, 1, CPU):
        raise RuntimeError
    assert torch.get_num_threads() == 2
