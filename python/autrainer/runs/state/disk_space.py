"""How much disk a run will use, told before it trains and not when the disk is full."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import torch

log = logging.getLogger(__name__)

CSV_BYTES_PER_NUMBER = 11
"""A probability as text, with its comma."""

NAME_BYTES = 20
"""The name of a sample, with its comma."""

BLOCK_BYTES = 4096
"""What the smallest file takes."""

RECORDS = 25
"""Small files of every run: configuration, summaries, tables, logs."""


def optimizer_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Size of the state of an optimizer once it has trained.

    Optimizers fill their state with the first step: two numbers a weight for those with `betas`,
    one for those with momentum, none otherwise is what is reckoned with.
    """
    weights: int = sum(p.nbytes for group in optimizer.param_groups for p in group["params"])
    defaults: dict[str, Any] = optimizer.defaults
    numbers = 2 if "betas" in defaults else 1 if defaults.get("momentum") else 0
    return weights * numbers


def outputs_bytes(rows: int, output_dim: int) -> int:
    """Size of the files that a tracker saves: outputs, targets, indices, losses, and the table."""
    per_row = 4 * output_dim + 8 + 8 + 4 + CSV_BYTES_PER_NUMBER * (output_dim + 3) + NAME_BYTES
    return rows * per_row + 5 * BLOCK_BYTES


def records_bytes(evaluations: int, *, num_results: int = 1) -> int:
    """Size of everything else: a folder and its results for every evaluation, and the records.

    Args:
        evaluations: How often is evaluated.
        num_results: Files of results that an evaluation leaves.
    """
    return BLOCK_BYTES * (RECORDS + (1 + num_results) * evaluations)


def warn_if_full(folder: Path, needed_bytes: int) -> None:
    """Warn if a run will need more than is free where its folder is."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    if needed_bytes > free:
        log.warning(
            "This run will need about %s, %s are free in %s; free some, or set "
            "keep_checkpoints, a larger save_frequency or save_train_outputs: false",
            size_text(needed_bytes),
            size_text(free),
            folder,
        )


def size_text(count: int) -> str:
    """A number of bytes as text: `1.5 GiB`."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 2**10:.1f} KiB"
