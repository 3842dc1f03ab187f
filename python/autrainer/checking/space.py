"""The disk that a sweep will need, beside what is free."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autrainer.checking.parts import Built, Data
from autrainer.config.schema.run import RunConfig
from autrainer.engine.stateful import StatefulParts
from autrainer.runs.layout import EMA_STATE
from autrainer.runs.state.disk_space import BLOCK_BYTES, optimizer_bytes
from autrainer.training.recording.records import rows_by
from autrainer.training.recording.registry import Sizes, run_bytes, weights_bytes

LOGGED_BYTES = 100
"""A value in a file of a logger, with its name and its time."""
LOSSES = 2


def bytes_of_run(
    config: RunConfig, data: Data, built: Built, optimizer: Any, loaders: Mapping[str, Any]
) -> int:
    """About how much disk a run will take: states, outputs, records and loggers.

    Args:
        config: Its configuration.
        data: Its dataset and criterion.
        built: Its model.
        optimizer: Its optimizer.
        loaders: Its loaders by the names of the splits.
    """
    parts = StatefulParts()
    parts.add("model", lambda: built.model, checkpoint="model.pt")
    parts.add(
        "optimizer",
        lambda: optimizer,
        checkpoint="optimizer.pt",
        num_bytes=lambda: optimizer_bytes(optimizer),
    )
    if config.updates.has_average_beside:
        parts.add("average", lambda: built.model, checkpoint=EMA_STATE)
    parts.add("criterion", lambda: data.criterion)
    rows = {
        subset: rows_by(loader, getattr(data.data, f"{subset}_dataset"))
        for subset, loader in loaders.items()
    }
    saved, weights = parts.num_bytes(checkpoints_only=True), weights_bytes(built.model)
    sizes = Sizes(saved, parts.num_bytes(), weights, rows)
    logged = _logged_bytes(config, len(data.data.metrics))
    return run_bytes(config, data.data, sizes) + logged


def _logged_bytes(config: RunConfig, num_metrics: int) -> int:
    training = config.training
    evaluations = -(-training.iterations // training.eval_frequency)
    # Each value of an evaluation, the best so far, and a file for each of them.
    values = 2 * (num_metrics + LOSSES)
    return len(config.loggers.targets) * values * (evaluations * LOGGED_BYTES + BLOCK_BYTES)


def free_bytes(folder: Path) -> int | None:
    """How much is free where a folder is, or will be; None where that is not known."""
    for parent in (folder.absolute(), *folder.absolute().parents):
        if parent.exists():
            try:
                return shutil.disk_usage(parent).free
            except OSError:
                return None
    return None
