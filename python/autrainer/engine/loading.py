"""Batches of any loader, by the fastest way that it offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from autrainer.engine.interfaces import Batch, Batches


def batches_of(loader: Batches, device: torch.device) -> Iterator[Batch | None]:
    """The batches of a pass.

    A loader that has `batches_on(device)` brings them to the device itself, ahead of whoever asks;
    those of any other may be anywhere.
    """
    batches_on = getattr(loader, "batches_on", None)
    return iter(loader) if batches_on is None else iter(batches_on(device))


def seconds_inside(loader: Batches) -> Mapping[str, float]:
    """Seconds of each stage inside a loader so far; nothing of one that does not tell."""
    stage_seconds = getattr(loader, "stage_seconds", None)
    return stage_seconds() if callable(stage_seconds) else {}
