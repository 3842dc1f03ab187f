"""Rows that several processes have kept, as one process would have kept them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import torch


def in_order(parts: Sequence[torch.Tensor], sizes: Sequence[Sequence[int]]) -> torch.Tensor:
    """Rows of all processes in the order of the batches, which each has a share of.

    Args:
        parts: Rows of each process, shape (N, ...), by rank; a process may have none.
        sizes: Number of rows of each batch in each process, by rank.

    >>> in_order([torch.tensor([0, 1, 4]), torch.tensor([2, 3])], [[2, 1], [2, 0]]).tolist()
    [0, 1, 2, 3, 4]
    """
    shares = [
        torch.split(part, list(each)) for part, each in zip(parts, sizes, strict=True) if len(part)
    ]
    batches = zip_longest(*shares)
    pieces = [rows for batch in batches for rows in batch if rows is not None and len(rows)]
    return torch.cat(pieces) if pieces else parts[0]
