"""Batch normalisation and batches of few samples: of one, it cannot be trained on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from autrainer.config.schema.sections.updates import UpdateSection
from autrainer.data.loader import Loader
from autrainer.engine.interfaces import Batches
from autrainer.engine.micro_batches import smallest_part
from autrainer.engine.sync_batch_norm import SyncBatchNorm
from autrainer.errors import ConfigError
from autrainer.fast.families import BATCH_NORMS
from autrainer.runs.process.run_process import smallest_share

log = logging.getLogger(__name__)


FEW_SAMPLES = 8
"""Fewer than these make statistics of batch normalisation that are mostly noise."""


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
    loader: Batches,
    num_steps: int | None,
    micro_batch_size: int | None = None,
    num_processes: int = 1,
) -> None:
    """Refuse to train where a batch of one sample would end the run, before it begins.

    Args:
        model: The model, for the message.
        layers: What `lone_values` found for a batch of one sample.
        loader: Batches of the train split; one of another kind is not looked at.
        num_steps: How many batches are trained on; None for whole passes.
        micro_batch_size: Samples that go through the model at once; None for whole batches.
        num_processes: How many processes share each batch.

    Raises:
        ConfigError: naming what to change.
    """
    if not layers or not isinstance(loader, Loader):
        return
    size, last = loader.options.batch_size, loader.last_batch_size
    reaches_last = num_steps is None or num_steps >= len(loader)
    sizes = [size] * (len(loader) > 1 or last == size) + [last] * reaches_last
    shares = {each: smallest_share(each, num_processes) for each in sizes}
    alone = [each for each in sizes if smallest_part(shares[each], micro_batch_size) == 1]
    if not alone:
        return
    if num_processes > 1 and alone[0] > 1 and shares[alone[0]] == 1:
        reason = f"of a batch of {alone[0]} samples one of {num_processes} processes has one"
        fix = "use another number of devices, another batch_size, or drop_last: true"
    elif size == 1:
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


def refuse_unsynced(
    model: torch.nn.Module, loader: Batches, updates: UpdateSection, num_processes: int
) -> None:
    """Refuse what keeps processes from normalising together: each has to do so as often.

    Args:
        model: The model.
        loader: Batches of the train split.
        updates: How the weights are updated.
        num_processes: How many processes share each batch.

    Raises:
        ConfigError: naming what to change.
    """
    if not any(isinstance(module, SyncBatchNorm) for module in model.modules()):
        return
    problem = ""
    if updates.micro_batch_size is not None:
        problem = f"micro_batch_size is {updates.micro_batch_size}; remove it"
    elif updates.on_nonfinite == "skip":
        problem = "on_nonfinite is 'skip'; use error or ignore"
    elif isinstance(loader, Loader) and loader.last_batch_size < num_processes:
        problem = (
            f"the last batch has {loader.last_batch_size} samples for {num_processes} processes; "
            "set train_loader_kwargs.drop_last to true"
        )
    if problem:
        raise ConfigError(f"sync_batchnorm is true, but {problem}, or leave sync_batchnorm out")


def warn_of_few_samples(
    model: torch.nn.Module, batch_size: int, micro_batch_size: int | None, num_processes: int
) -> None:
    """Warn where each of several processes normalises over few samples.

    Args:
        model: The model.
        batch_size: Samples of an update.
        micro_batch_size: Samples that go through the model at once; None for whole batches.
        num_processes: How many processes share each batch.
    """
    if num_processes == 1:
        return
    num = smallest_part(smallest_share(batch_size, num_processes), micro_batch_size)
    layers = [name for name, layer in _trained(model) if not isinstance(layer, SyncBatchNorm)]
    if layers and num < FEW_SAMPLES:
        log.warning(
            "%s normalises over the batch (layer %r), and each of %d processes does so over %d "
            "samples alone; a larger batch_size, fewer devices or sync_batchnorm: true give better "
            "statistics",
            type(model).__name__,
            layers[0],
            num_processes,
            num,
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
