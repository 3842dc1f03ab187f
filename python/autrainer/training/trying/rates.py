"""What losses at rising learning rates say: the range test of L. N. Smith (arXiv 1506.01186)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SMOOTHING = 0.9
"""Share that the moving average of the losses keeps of itself."""

SKIPPED = 0.1
"""Share of the first steps that suggest nothing: the optimizer has not got going."""

DIVERGED = 4.0
"""Where the smoothed loss is so many times the smallest one, higher rates say nothing more."""

SMALL_LOSS = 1e-3
"""A smallest loss below that counts as so much."""

SURE = 3.0
"""By so many standard errors losses have to fall before anything is suggested."""


@dataclass(frozen=True)
class RateCurve:
    """Losses of training steps, each at a higher learning rate than the one before.

    Args:
        rates: Learning rate of each step, shape (S,).
        losses: Mean loss of the batch of each step, shape (S,).
    """

    rates: Array
    losses: Array

    @property
    def smoothed(self) -> Array:
        """Moving averages of the losses without their bias towards zero, shape (S,)."""
        return smoothed(self.losses)

    @property
    def lowest(self) -> int:
        """Position of the smallest smoothed loss."""
        return int(np.argmin(self.smoothed))

    @property
    def falls(self) -> bool:
        """Whether losses fall by more than their noise explains.

        The noise is that of the losses around their averages; an average over `1 / (1 - s)` steps
        has a standard error that is smaller by the square root of `(1 - s) / (1 + s)`.
        """
        if len(self.losses) < 3:
            return False
        found = self.smoothed
        spread = float(np.std(self.losses[: self.lowest + 1] - found[: self.lowest + 1]))
        error = spread * np.sqrt((1 - SMOOTHING) / (1 + SMOOTHING))
        skipped = int(SKIPPED * len(found))
        return bool(found[skipped : skipped + 1].max() - found[self.lowest] > SURE * error)

    @property
    def steepest(self) -> int | None:
        """Position at which the smoothed loss falls fastest over the logarithm of the rate.

        None if it does not fall.
        """
        if not self.falls:
            return None
        first, end = int(SKIPPED * len(self.rates)), self.lowest + 1
        if end - first < 2:
            return None
        slopes = np.gradient(self.smoothed, np.log(self.rates))
        return first + int(np.argmin(slopes[first:end]))

    @property
    def suggestion(self) -> float | None:
        """The rate at which the loss falls fastest; None if it does not fall."""
        steepest = self.steepest
        return None if steepest is None else float(self.rates[steepest])


class MovingAverage:
    """An exponential moving average without its bias towards zero."""

    def __init__(self) -> None:
        self._total = self._weight = 0.0

    def add(self, loss: float) -> float:
        """Take a loss; the average from now on."""
        self._total = SMOOTHING * self._total + (1 - SMOOTHING) * loss
        self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)
        return self._total / self._weight


class Divergence:
    """Sees when further steps at still higher rates say nothing more."""

    def __init__(self) -> None:
        self._average = MovingAverage()
        self._first: float | None = None
        self._smallest = float("inf")

    def has_come(self, loss: float) -> bool:
        """Whether it has come with this loss, the next one."""
        if not np.isfinite(loss):
            return True
        average = self._average.add(loss)
        self._first = average if self._first is None else self._first
        self._smallest = min(self._smallest, average)
        return average > max(DIVERGED * max(self._smallest, SMALL_LOSS), self._first)


def smoothed(losses: Array) -> Array:
    """Exponential moving averages without their bias towards zero, shape (S,)."""
    average = MovingAverage()
    return np.array([average.add(float(loss)) for loss in losses], dtype=np.float64)


def rising_rates(first: float, last: float, num_steps: int) -> Array:
    """Learning rates with equal ratios, shape (num_steps,)."""
    return np.geomspace(first, last, num_steps)
