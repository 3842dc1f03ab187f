"""Gradients of a batch with little Python around them; bit for bit those of torch's own calls.

A step of a small model takes a few hundred microseconds. `loss.mean()` with
`torch.autograd.backward` spends some 50 of them outside of the engine that computes gradients,
`Optimizer.zero_grad` about 10 on telling a profiler that is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from autrainer.fast.gate import is_profiled, private


def forget_gradients(optimizer: torch.optim.Optimizer) -> None:
    """What `optimizer.zero_grad()` does, at less cost where that is torch's own."""
    if type(optimizer).zero_grad is not torch.optim.Optimizer.zero_grad or is_profiled():
        optimizer.zero_grad()
        return
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def backward_of_mean() -> Callable[..., None]:
    """What computes the gradients of the mean of unreduced losses, as often as it is called.

    Called with losses of part of a batch and the share of its samples that they are of, it adds
    the gradients that they contribute to those of the mean over the whole batch.

    The gradient of a mean is 1/N for each of its N losses, so the engine is given these numbers and
    neither the mean nor its gradient is computed. They are made once for each shape, by the same
    two operations that torch uses.
    """
    run = _engine()
    gradients: dict[Any, torch.Tensor] = {}

    def backward(loss: torch.Tensor, share: float = 1.0) -> None:
        if run is None or type(loss) is not torch.Tensor:
            mean = loss.mean()
            torch.autograd.backward(mean if share == 1.0 else mean * share)
            return
        key = (loss.shape, loss.dtype, loss.device, share)
        gradient = gradients.get(key)
        if gradient is None:
            if len(gradients) >= MAX_SHAPES:
                gradients.clear()
            gradient = gradients[key] = _gradient_of_mean(loss, share)
        run(loss, gradient)

    return backward


MAX_SHAPES = 8
"""A pass has two shapes of losses, of its batches and of the last one, and few of their parts."""


def _gradient_of_mean(loss: torch.Tensor, share: float) -> torch.Tensor:
    one = torch.ones((), dtype=loss.dtype, device=loss.device)
    return one.expand(loss.shape) / (max(1, loss.numel()) / share)


@cache
def _engine() -> Callable[[torch.Tensor, torch.Tensor], None] | None:
    """The engine below `torch.autograd.backward`, or None if torch has changed it.

    It is no public function, so a small gradient is computed with it before it is believed.
    """
    run_backward = private("torch.autograd", "Variable._execution_engine.run_backward")
    if run_backward is None:
        return None

    def run(losses: torch.Tensor, gradients: torch.Tensor) -> None:
        run_backward(
            (losses,),
            (gradients,),
            False,
            False,
            (),
            allow_unreachable=True,
            accumulate_grad=True,
        )

    with torch.enable_grad():
        source = torch.tensor([2.0, 3.0], requires_grad=True)
        try:
            run(source * source, torch.tensor([1.0, 0.5]))
        except (TypeError, ValueError, RuntimeError):
            return None
    is_right = source.grad is not None and source.grad.tolist() == [4.0, 3.0]
    return run if is_right else None
