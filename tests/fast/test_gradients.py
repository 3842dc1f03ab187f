"""Gradients by the short way are those of torch's own calls, to the last bit."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from autrainer.fast import gate, gradients
from autrainer.fast.gradients import backward_of_mean, forget_gradients


def gradients_of(backward, shape, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(shape, generator=generator).to(dtype).requires_grad_()
    backward((weights * 3 + weights.square()).abs())
    return weights.grad


def forget_what_was_found():
    gate.private.cache_clear()
    gradients._engine.cache_clear()


def by_torch(loss):
    torch.autograd.backward(loss.mean())


@given(
    shape=array_shapes(min_dims=0, max_dims=3, max_side=40),
    dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=200, deadline=None)
def test_the_gradient_of_the_mean_is_that_of_torch(shape, dtype, seed):
    ours = gradients_of(backward_of_mean(), shape, dtype, seed)
    assert torch.equal(ours, gradients_of(by_torch, shape, dtype, seed))


def test_one_function_serves_losses_of_many_shapes():
    backward = backward_of_mean()
    for rows in [*range(1, 3 * gradients.MAX_SHAPES), 5]:
        ours = gradients_of(backward, (rows,), torch.float32, rows)
        assert torch.equal(ours, gradients_of(by_torch, (rows,), torch.float32, rows))


def test_gradients_add_up_until_they_are_forgotten():
    weight = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    backward = backward_of_mean()
    backward(weight * 4)
    backward(weight * 4)
    assert weight.grad.tolist() == [4.0, 4.0]
    forget_gradients(optimizer)
    assert weight.grad is None


def test_a_loss_that_depends_on_no_parameter_is_refused_as_torch_does():
    with pytest.raises(RuntimeError, match="does not require grad"):
        backward_of_mean()(torch.ones(3))


def test_hooks_of_parameters_and_losses_are_called():
    weight, heard = torch.ones(3, requires_grad=True), []
    weight.register_hook(lambda gradient: heard.append(gradient.tolist()))
    loss = weight * 3
    loss.register_hook(lambda gradient: heard.append(gradient.numel()))
    backward_of_mean()(loss)
    assert heard == [3, [1.0, 1.0, 1.0]]


def test_an_optimizer_with_a_zero_grad_of_its_own_is_asked():
    class Counting(torch.optim.SGD):
        asked = 0

        def zero_grad(self, set_to_none=True):
            self.asked += 1
            super().zero_grad(set_to_none)

    weight = torch.ones(1, requires_grad=True)
    optimizer = Counting([weight], lr=0.1)
    weight.grad = torch.ones(1)
    forget_gradients(optimizer)
    assert (optimizer.asked, weight.grad) == (1, None)


def test_a_torch_without_this_engine_takes_the_long_way(monkeypatch):
    class Changed:
        def run_backward(self, *args):
            raise TypeError("another signature")

    monkeypatch.setattr(torch.autograd.Variable, "_execution_engine", Changed())
    forget_what_was_found()
    try:
        assert gradients._engine() is None
        # The engine itself is needed to compute anything at all.
        monkeypatch.undo()
        ours = gradients_of(backward_of_mean(), (7,), torch.float32, 0)
    finally:
        forget_what_was_found()
    assert torch.equal(ours, gradients_of(by_torch, (7,), torch.float32, 0))
