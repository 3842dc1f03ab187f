"""Batches of two classes, and their losses, for updates by one process and by several."""

from types import SimpleNamespace

import torch


def batches(sizes):
    """Batches of these sizes, the same ones whenever they are asked for."""
    generator = torch.Generator().manual_seed(1)
    for size in sizes:
        features = torch.randn(size, 3, generator=generator, dtype=torch.float64)
        target = torch.randint(2, (size,), generator=generator)
        yield SimpleNamespace(features=features, target=target, index=torch.arange(size))


def criterion(output, target):
    """A loss for each sample."""
    return torch.nn.functional.cross_entropy(output, target, reduction="none")
