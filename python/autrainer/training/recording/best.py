"""Which evaluated iteration is the best one so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from autrainer.training.recording.history import History


class BestIteration:
    """The best iteration by the tracking metric. It is a stateful part of the run.

    Args:
        metric: The tracking metric.
        evaluated: The iterations that have been evaluated.

    Attributes:
        iteration: The best one; 1 before any was evaluated.
        value: Its value; that of `starting_metric` if the metric was a score in none.
    """

    def __init__(self, metric: Any, evaluated: Callable[[], Sequence[int]]) -> None:
        self._metric = metric
        self._evaluated = evaluated
        self.iteration = 1
        self.value = float(metric.starting_metric)

    @property
    def is_found(self) -> bool:
        """Whether the metric has been a score, and not NaN or its fallback, so far."""
        return bool(self._metric.compare(self.value, self._metric.starting_metric))

    def take(self, iteration: int, tracked: float, dev_loss: float) -> bool:
        """Look at an evaluation; whether it is the best one now.

        Args:
            iteration: The evaluated iteration.
            tracked: Its value of the tracking metric.
            dev_loss: Its loss.
        """
        if not self.is_found:
            self.iteration = (*self._evaluated(), iteration)[0]
        if not self._is_better(tracked, dev_loss, self.value):
            return False
        self.iteration, self.value = iteration, tracked
        return True

    def follow(self, history: History) -> None:
        """Be what the metrics of another run say."""
        best = self.of(history)
        self.iteration = best or history.iterations[0]
        if best is not None:
            self.value = history.row(best)[self._metric.name]

    def of(self, history: History) -> int | None:
        """The best iteration of a history, or None if the metric was defined in none."""
        value, best = float(self._metric.starting_metric), None
        for iteration in history.iterations:
            row = history.row(iteration)
            if self._is_better(row[self._metric.name], row["dev_loss"], value):
                value, best = row[self._metric.name], iteration
        return best

    def _is_better(self, tracked: float, dev_loss: float, best: float) -> bool:
        """Whether an evaluation is better than the best; one without a number for a loss never is.

        Of outputs that are not numbers a class can still be picked, and an accuracy computed.
        """
        return not math.isnan(dev_loss) and bool(self._metric.compare(tracked, best))

    def state_dict(self) -> list[float]:
        """The best iteration and its value."""
        return [self.iteration, self.value]

    def load_state_dict(self, state_dict: list[Any]) -> None:
        """Take them back; the metrics of the run have been taken back before.

        Raises:
            ValueError: if that iteration was not evaluated.
        """
        iteration, value = state_dict
        if self._evaluated() and iteration not in self._evaluated():
            raise ValueError(f"{iteration} is called the best iteration, and was not evaluated")
        self.iteration, self.value = iteration, float(value)
