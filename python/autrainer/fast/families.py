"""Classes of torch that have something in common, whatever torch calls what they share."""

from __future__ import annotations

from torch import nn


def common_base(*classes: type[nn.Module]) -> type[nn.Module]:
    """The most special class that all of some classes of modules derive from.

    >>> common_base(nn.Linear, nn.Conv1d) is nn.Module
    True
    """
    first, *others = classes
    return next(base for base in first.__mro__ if all(issubclass(c, base) for c in others))


def family(*members: type[nn.Module]) -> tuple[type[nn.Module], ...]:
    """What `isinstance` takes for these classes and for others of their kind.

    That is their common base; where they have none but `nn.Module`, the classes themselves.
    """
    base = common_base(*members)
    return members if base is nn.Module else (base,)


LOSS = common_base(nn.L1Loss, nn.CrossEntropyLoss)
"""What every criterion of torch derives from."""

BATCH_NORMS = family(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
"""Layers that normalise over the batch."""

RUNNING_NORMS = family(
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
)
"""Layers that may keep running statistics; those that normalise over the batch are among them."""
