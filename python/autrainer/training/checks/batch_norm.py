"""Batch normalisation and a batch of one sample, which it cannot be trained on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from autrainer.data.loader import Loader
from autrainer.engine.micro_batches import smallest_part
from autrainer.errors import ConfigError
from autrainer.fast.families import BATCH_NORMS


@contextmanager
def lone_values(model: torch.nn.Module) -> Iterator[list[str]]:
    """Within the block, notes which layers would fail in training on what the model is called with.

    Yields:
        Names of batch normalisations that were given a single value per channel. Those that the
        model keeps in evaluation mode while it trains are left out.
    """
    found: list[str] = []

    def note(name: str) -> Any:
        def hook(_layer: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
            features = inputs[0] if inputs else None
            # What torch asks itself before it refuses.
            if isinstance(features, torch.Tensor) and features.numel() == features.shape[1]:
                found.append(name)

        return hook

    handles = [layer.register_forward_pre_hook(note(name)) for name, layer in _trained(model)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def refuse_lone_sample(
    model: torch.nn.Module,
    layers: list[str],
    loader: Any,
    num_steps: int | None,
    micro_batch_size: int | None = None,
) -> None:
    """Refuse to train where a batch of one sample would end the run, before it begins.

    Args:
        model: The model, for the message.
        layers: What `lone_values` found for a batch of one sample.
        loader: Loader of the train split; one of another kind is not looked at.
        num_steps: How many batches are trained on; None for whole passes.
        micro_batch_size: Samples that go through the model at once; None for whole batches.

    Raises:
        ConfigError: naming what to change.
    """
    if not layers or not isinstance(loader, Loader):
        return
    size, last = loader.options.batch_size, loader.last_batch_size
    reaches_last = num_steps is None or num_steps >= len(loader)
    sizes = [size] * (len(loader) > 1 or last == size) + [last] * reaches_last
    alone = [each for each in sizes if smallest_part(each, micro_batch_size) == 1]
    if not alone:
        return
    if size == 1:
        reason, fix = "batch_size is 1", "use a batch_size of 2 or more"
    elif alone[0] > 1:
        reason = (
            f"a batch of {alone[0]} samples in parts of at most {micro_batch_size} "
            "(micro_batch_size) has one of a single sample"
        )
        fix = "use another micro_batch_size, of 2 or more"
    else:
        reason = f"the last of {len(loader)} batches has one sample (batch_size is {size})"
        fix = "set train_loader_kwargs.drop_last to true, or choose another batch_size"
    raise ConfigError(
        f"{reason}, and {type(model).__name__} cannot be trained on one: its layer {layers[0]!r} "
        f"normalises over the batch; {fix}"
    )


def _trained(model: torch.nn.Module) -> list[tuple[str, torch.nn.Module]]:
    """Batch normalisations by name that are in training mode while the model trains."""
    layers = [pair for pair in model.named_modules() if isinstance(pair[1], BATCH_NORMS)]
    if not layers:
        return []
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    trained = [(name, layer) for name, layer in layers if layer.training]
    for module, training in modes:
        module.training = training
    return trained
