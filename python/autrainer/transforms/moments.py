"""Mean and variance of a subset's features, one pass, in float64."""

from __future__ import annotations

import copy
import logging
import math
from typing import Any

import torch

from autrainer.errors import DataError
from autrainer.runs.process.intra_op import one_intra_op_thread
from autrainer.transforms.compose import SmartCompose

log = logging.getLogger(__name__)

# Rows of a resident table that are widened to float64 at a time.
_CHUNK_ROWS = 4096


class ChannelMoments:
    """Mean and sum of squared deviations per channel, updated batch by batch.

    Reference: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances", 1979. Sums of squares would cancel when means are large.
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean = torch.zeros(1, dtype=torch.float64)
        self._squares = torch.zeros(1, dtype=torch.float64)

    def add(self, batch: torch.Tensor) -> None:
        """Add features of shape (batch, channels, ...).

        Raises:
            DataError: if the number of channels changes.
        """
        if self._count and batch.shape[1] != len(self._mean):
            raise DataError(
                f"a Standardizer needs as many channels in every item; got {len(self._mean)}, "
                f"then {batch.shape[1]}"
            )
        values = batch.double().transpose(0, 1).flatten(1)
        count = values.shape[1]
        if count == 0:
            return
        mean = values.mean(dim=1)
        squares = (values - mean[:, None]).square().sum(dim=1)
        total = self._count + count
        shift = mean - self._mean
        self._squares = self._squares + squares + shift.square() * (self._count * count / total)
        self._mean = self._mean + shift * (count / total)
        self._count = total

    def mean_and_std(self, correction: int) -> tuple[list[float], list[float]]:
        """One number per channel; the deviation of a constant channel is given as 1.

        Raises:
            DataError: if there are too few values, or some that are not finite.
        """
        if self._count <= correction:
            raise DataError(
                f"a Standardizer with correction {correction} needs more than {correction} values "
                f"per channel; got {self._count}"
            )
        mean = self._mean.tolist()
        std = (self._squares / (self._count - correction)).sqrt().tolist()
        bad = [index for index, value in enumerate(std) if not math.isfinite(value)]
        if bad:
            raise DataError(f"features have NaN or infinite values, first in channel {bad[0]}")
        constant = [index for index, value in enumerate(std) if value == 0]
        if constant:
            log.warning("channels that never change are only centred: %s", constant)
        return mean, [value or 1.0 for value in std]


def moments_of(subset: Any, before: Any) -> ChannelMoments:
    """Moments of a subset's features as they arrive at one of its transforms.

    Args:
        subset: Has `transform` (a compose), a length and items with features; stays as it is.
        before: The transform that asks. If the subset has it in its own compose, what stands
            before it is applied, otherwise what is of lower order.
    """
    # A copy, so that nobody ever sees the subset with another transform.
    view = copy.copy(subset)
    view.transform = SmartCompose(_preceding(subset.transform, before))
    moments = ChannelMoments()
    table = _resident_features(view)
    if table is not None:
        for rows in torch.split(table, _CHUNK_ROWS):
            moments.add(rows)
        return moments
    with one_intra_op_thread():
        for index in range(len(view)):
            moments.add(torch.as_tensor(view[index].features)[None])
    return moments


def _resident_features(view: Any) -> torch.Tensor | None:
    """All features at once, if the subset has them in memory."""
    resident = getattr(view, "resident", None)
    arrays = resident() if callable(resident) else None
    return None if arrays is None else arrays.features


def _preceding(compose: Any, transform: Any) -> list[Any]:
    members = list(compose.transforms) if compose is not None else []
    for position, member in enumerate(members):
        if member is transform:
            return members[:position]
    return [member for member in members if getattr(member, "order", 0) < transform.order]
