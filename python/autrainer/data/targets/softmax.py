"""Softmax of many rows of few classes, in a quarter of the time that torch takes."""

from __future__ import annotations

import torch

FEWEST_CLASSES = 16
"""From here on torch computes a row by vector instructions; below, number by number."""

FEWEST_ROWS = 4096
"""Fewer rows are over before it matters."""

PART_NUMBERS = 1 << 15
"""Parts of so many numbers stay in the cache, and torch starts no threads for them."""

ROWS_AT_ONCE = 64
"""Of multiples of this all rows are computed by the same instructions, to the same bits."""


def softmax(outputs: torch.Tensor) -> torch.Tensor:
    """Softmax over the last axis.

    Many rows of few classes are computed column by column: every probability is then that of
    `torch.softmax` or the float beside it.
    """
    is_narrow = (
        outputs.ndim == 2
        and 0 < outputs.shape[1] < FEWEST_CLASSES
        and outputs.shape[0] >= FEWEST_ROWS
        and outputs.device.type == "cpu"
        and not outputs.requires_grad
    )
    if not is_narrow:
        return torch.softmax(outputs, dim=-1)
    probabilities = torch.empty_like(outputs)
    rows = PART_NUMBERS // outputs.shape[1] // ROWS_AT_ONCE * ROWS_AT_ONCE
    for start in range(0, len(outputs), rows):
        part = outputs[start : start + rows]
        missing = -len(part) % ROWS_AT_ONCE
        columns = torch.constant_pad_nd(part.t(), (0, missing)) if missing else part.t()
        probabilities[start : start + rows] = torch.softmax(columns, dim=0).t()[: len(part)]
    return probabilities
