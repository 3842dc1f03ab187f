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


def forget_gradients(optimizer: torch.optim.Optimizer) -> None:
    """What `optimizer.zero_grad()` does, at less cost where that is torch's own."""
    if type(optimizer).zero_grad is not torch.optim.Optimizer.zero_grad or _is_profiled():
        optimizer.zero_grad()
        return
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def backward_of_mean() -> Callable[[torch.Tensor], None]:
    """What computes the gradients of the mean of unreduced losses, as often as it is called.

    The gradient of a mean is 1/N for each of its N losses, so the engine is given these numbers and
    neither the mean nor its gradient is computed. They are made once for each shape, by the same
    two operations that torch uses.
    """
    run = _engine()
    seeds: dict[Any, torch.Tensor] = {}

    def backward(loss: torch.Tensor) -> None:
        if run is None or type(loss) is not torch.Tensor:
            torch.autograd.backward(loss.mean())
            return
        key = (loss.shape, loss.dtype, loss.device)
        seed = seeds.get(key)
        if seed is None:
            if len(seeds) >= MAX_SHAPES:
                seeds.clear()
            seed = seeds[key] = _gradient_of_mean(loss)
        run(loss, seed)

    return backward


MAX_SHAPES = 8
"""A pass has two shapes of losses: that of its batches and that of the last one."""


def _gradient_of_mean(loss: torch.Tensor) -> torch.Tensor:
    one = torch.ones((), dtype=loss.dtype, device=loss.device)
    return one.expand(loss.shape) / max(1, loss.numel())


@cache
def _engine() -> Callable[[torch.Tensor, torch.Tensor], None] | None:
    """The engine below `torch.autograd.backward`, or None if torch has changed it.

    It is no public function, so a small gradient is computed with it before it is believed.
    """
    run_backward = getattr(
        getattr(torch.autograd.Variable, "_execution_engine", None), "run_backward", None
    )
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


def _is_profiled() -> bool:
    is_enabled: bool = torch.autograd._profiler_enabled()  # type: ignore[attr-defined]
    return is_enabled
