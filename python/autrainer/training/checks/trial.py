"""One sample through the model, before a run trains."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.config.schema.run import RunConfig
from autrainer.runs.folder import Bookkeeping
from autrainer.training.build import Parts
from autrainer.training.checks.batch_norm import (
    lone_values,
    refuse_lone_sample,
    refuse_unsynced,
    warn_of_few_samples,
)
from autrainer.training.checks.shapes import Fit, Seen, outputs_kept
from autrainer.training.recording.reproduction import record_model


@dataclass(frozen=True)
class Trial:
    """What one sample has shown.

    Args:
        fit: Whether the parts of the run fit each other.
        sample_shape: Shape of the features of one sample.
        mult_adds: Multiplications and additions of the model for one sample; None if it could not
            be called.
    """

    fit: Fit
    sample_shape: tuple[int, ...]
    mult_adds: int | None


def tried(config: RunConfig, parts: Parts, bookkeeping: Bookkeeping) -> Trial:
    """Pass a sample through the model: for its summary, and to see whether the parts fit.

    Raises:
        ConfigError: if they do not.
    """
    training, updates = config.training, config.updates
    sections = (config.dataset, config.model)
    fit = Fit(*sections, parts.data, parts.criterion, parts.dev_loader, parts.device)
    batch = fit.sample()
    if parts.sharding is not None:
        parts.sharding.example = batch
    with outputs_kept(parts.model) as outputs, lone_values(parts.model) as lone_layers:
        mult_adds = record_model(bookkeeping, parts.model, batch)
    if mult_adds is not None:
        fit.check(parts.model, Seen(batch, outputs[-1]))
    size, num_processes = updates.micro_batch_size, parts.runtime.world_size
    refuse_unsynced(parts.model, parts.train_loader, updates, num_processes)
    if config.compute.sync_batchnorm:
        num_processes = 1
    num_steps = training.iterations if training.training_type == "step" else None
    refuse_lone_sample(parts.model, lone_layers, parts.train_loader, num_steps, size, num_processes)
    if parts.runtime.is_main:
        warn_of_few_samples(parts.model, training.batch_size, size, num_processes)
    return Trial(fit, getattr(batch.features, "shape", ())[1:], mult_adds)
