"""Whether a loaded state belongs to the parameters that an optimizer has."""

from __future__ import annotations

import torch


def check_shapes(optimizer: torch.optim.Optimizer) -> None:
    """Look whether what a fused optimizer has loaded fits its parameters.

    Torch looks at the number of parameters alone. Fused updates then write beyond the memory of
    what is too short; all others raise an error of torch.

    Raises:
        ValueError: naming the first value that does not fit.
    """
    position = -1
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            position += 1
            if group.get("fused"):
                _check(position, parameter, optimizer.state.get(parameter, {}))


def _check(position: int, parameter: torch.Tensor, state: dict[str, object]) -> None:
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            kind = type(value).__name__
            raise ValueError(f"the optimizer keeps a {kind} as {name!r} of parameter {position}")
        # Adam counts the updates of every parameter.
        fits = value.numel() == 1 if name == "step" else value.shape == parameter.shape
        if not fits:
            raise ValueError(
                f"the optimizer keeps {name!r} of shape {tuple(value.shape)} for parameter "
                f"{position}, which has shape {tuple(parameter.shape)}"
            )
