"""Sharpness-aware minimisation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import nn

from autrainer.config.locate import locate
from autrainer.errors import ConfigError
from autrainer.fast.families import BATCH_NORMS, RUNNING_NORMS
from autrainer.fast.optimizers import keep_dynamo_out

Result = tuple[torch.Tensor, torch.Tensor]
"""Unreduced losses and outputs of a batch."""


class Model(Protocol):
    """What SAM sees of a model."""

    def __call__(self, **inputs: Any) -> torch.Tensor:
        """Outputs."""

    def select_inputs(self, batch: Any) -> dict[str, Any]:
        """What the model takes of a batch."""

    def modules(self) -> Iterator[nn.Module]:
        """Every module of the model."""


class SAM(torch.optim.Optimizer):
    """Steps along the gradient at the worst point nearby.

    Each step goes uphill by `rho`, takes the gradient there, comes back and lets the base
    optimizer step with it. Groups, defaults and state are those of the base optimizer, so that
    schedulers and checkpoints work, and resuming goes on with its moments.

    Reference: Foret et al., "Sharpness-aware minimization for efficiently improving
    generalization", 2021; adaptive: Kwon et al., "ASAM", 2021.

    Args:
        params: Parameters or groups of them.
        base_optimizer: Import path of a class of optimizers, or the class.
        rho: How far to go uphill.
        adaptive: Measure that relative to the size of each weight.
        **kwargs: Arguments of the base optimizer, `lr` included.

    Raises:
        ConfigError: if rho is negative, or the base is no class of optimizers.
    """

    def __init__(
        self,
        params: Iterable[Any],
        base_optimizer: str | type[torch.optim.Optimizer],
        rho: float = 0.05,
        adaptive: bool = False,
        **kwargs: Any,
    ) -> None:
        if rho < 0:
            raise ConfigError(f"SAM: rho is {rho!r}; use zero or more")
        super().__init__(params, {"rho": rho, "adaptive": adaptive, **kwargs})
        self.base_optimizer = _base_class(base_optimizer)(self.param_groups, **kwargs)
        self.defaults.update(self.base_optimizer.defaults)
        self._share()
        self._before: list[tuple[torch.Tensor, torch.Tensor]] = []

    @torch.no_grad()
    def first_step(self, zero_grad: bool = False) -> None:
        """Go uphill, by `rho` along the gradient.

        Args:
            zero_grad: Clear the gradients afterwards.
        """
        with_grad = [(group, p) for group, p in self._parameters() if p.grad is not None]
        norm = _global_norm([p.grad * p.abs() if g["adaptive"] else p.grad for g, p in with_grad])
        self._before = []
        for group, p in with_grad:
            self._before.append((p, p.detach().clone()))
            uphill = p.grad * (group["rho"] / (norm.to(p.device) + 1e-12))
            p.add_(uphill * p.square() if group["adaptive"] else uphill)
        if zero_grad:
            self.zero_grad()

    @torch.no_grad()
    def second_step(self, zero_grad: bool = False) -> None:
        """Come back, and let the base optimizer step with the gradient found uphill.

        Args:
            zero_grad: Clear the gradients afterwards.
        """
        self.come_back()
        self.base_optimizer.step()
        if zero_grad:
            self.zero_grad()

    @torch.no_grad()
    def come_back(self) -> None:
        """Undo `first_step`: the weights are those from before it."""
        for p, before in self._before:
            p.copy_(before)
        self._before = []

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Both steps; the gradient of the first has to be there already.

        Args:
            closure: Calculates the loss and its gradient once more. If it fails, the weights are
                those from before.

        Returns:
            What the closure returns.

        Raises:
            ValueError: if there is no closure.
        """
        if closure is None:
            raise ValueError("SAM needs a closure that calculates the loss and its gradient again")
        self.first_step(zero_grad=True)
        try:
            with torch.enable_grad():
                result = closure()
        except BaseException:
            self.come_back()
            raise
        self.second_step()
        return result

    def custom_step(
        self,
        model: Model,
        data: Any,
        criterion: Callable[..., torch.Tensor],
        probabilities_fn: Callable[[torch.Tensor], torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Train on a batch.

        Args:
            model: The model.
            data: The batch.
            criterion: Gives unreduced losses.
            probabilities_fn: Between the outputs and the criterion.

        Returns:
            Losses and outputs of the second pass.
        """

        def gradients() -> tuple[torch.Tensor, torch.Tensor]:
            output = model(**model.select_inputs(data))
            loss = criterion(probabilities_fn(output), data.target)
            torch.autograd.backward(loss.mean())
            return loss, output

        self.zero_grad()
        return self.train_on(gradients, model)

    def train_on(
        self,
        gradients: Callable[[], Result],
        model: Model,
        before_step: Callable[[], None] | None = None,
    ) -> Result:
        """Train with gradients that somebody else computes; the present ones have been cleared.

        Args:
            gradients: Computes the gradients of a batch with the weights of now, twice.
            model: The model. Its norm layers keep statistics of the first pass alone: each batch
                counts once.
            before_step: Called when the gradients are there with which the base optimizer steps.

        Returns:
            What `gradients` returned the second time.
        """

        def again() -> Result:
            with second_pass(model):
                result = gradients()
            if before_step is not None:
                before_step()
            return result

        gradients()
        result: Result = self.step(again)
        self.zero_grad()
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state of this optimizer.

        Copies of weights that earlier versions kept in the state are left out.
        """
        state = {
            index: {key: value for key, value in entry.items() if key != "old_p"}
            for index, entry in state_dict["state"].items()
        }
        super().load_state_dict({**state_dict, "state": {k: v for k, v in state.items() if v}})
        self.base_optimizer.param_groups = self.param_groups
        self.base_optimizer.state = self.state
        self._before = []

    def _share(self) -> None:
        self.param_groups = self.base_optimizer.param_groups
        self.state = self.base_optimizer.state

    def _parameters(self) -> Iterator[tuple[dict[str, Any], Any]]:
        for group in self.param_groups:
            for parameter in group["params"]:
                yield group, parameter


def _base_class(base: str | type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    found = locate(base, "optimizer.base_optimizer") if isinstance(base, str) else base
    if not (isinstance(found, type) and issubclass(found, torch.optim.Optimizer)):
        raise ConfigError(
            f"SAM: base_optimizer is {base!r}; name a class of optimizers, such as torch.optim.SGD"
        )
    keep_dynamo_out(found)
    return found


def _global_norm(slopes: list[torch.Tensor]) -> torch.Tensor:
    if not slopes:
        return torch.zeros(())
    device = slopes[0].device
    norms = torch.stack([torch.linalg.vector_norm(slope).to(device) for slope in slopes])
    total: torch.Tensor = torch.linalg.vector_norm(norms)
    return total


@contextmanager
def second_pass(model: Model) -> Iterator[None]:
    """Within the block, norm layers use statistics as before and do not update running ones."""
    norms: list[Any] = [norm for norm in model.modules() if isinstance(norm, RUNNING_NORMS)]
    before = [(norm.track_running_stats, norm.momentum) for norm in norms]
    for norm in norms:
        normalises_batch = isinstance(norm, BATCH_NORMS)
        if normalises_batch and norm.training:
            # Batch statistics are used in training either way; this only stops the bookkeeping.
            norm.track_running_stats = False
        else:
            norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (tracks, momentum) in zip(norms, before, strict=True):
            norm.track_running_stats, norm.momentum = tracks, momentum
