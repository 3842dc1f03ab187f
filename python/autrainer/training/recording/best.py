"""Which evaluated iterations are the best ones so far."""

from __future__ import annotations

import math
from collections import deque
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
        if not _is_better(self._metric, tracked, dev_loss, self.value):
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
            if _is_better(self._metric, row[self._metric.name], row["dev_loss"], value):
                value, best = row[self._metric.name], iteration
        return best

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


class BestIterations:
    """The best iterations so far, as many as are averaged when the run has ended.

    All of it follows from the metrics of the run, so that nothing is part of its state.

    Args:
        number: How many.
        metric: The tracking metric. Of equal values that of the earlier iteration is better.
        history: The metrics of the run.
    """

    def __init__(self, number: int, metric: Any, history: Callable[[], History]) -> None:
        self._number, self._metric, self._history = number, metric, history
        self._ranked: list[tuple[float, int]] = []
        # What a run resumes from may be as old as the evaluation before the last one.
        self._before: deque[frozenset[int]] = deque(maxlen=2)
        self._dropped: list[int] = []
        self._num_seen = 0

    @property
    def ranked(self) -> list[int]:
        """The best iterations, the best one first; fewer if fewer had a score."""
        self._follow()
        return self._now()

    @property
    def needed(self) -> frozenset[int]:
        """These, and what they were at the two evaluations before: the run may go on from there."""
        self._follow()
        return frozenset(self._now()).union(*self._before)

    @property
    def dropped(self) -> list[int]:
        """The iterations that are not needed any more since the last evaluation."""
        self._follow()
        return self._dropped

    def _now(self) -> list[int]:
        return [iteration for _, iteration in self._ranked]

    def _follow(self) -> None:
        history = self._history()
        for iteration in history.iterations[self._num_seen :]:
            before = frozenset(self._now()).union([iteration], *self._before)
            self._before.append(frozenset(self._now()))
            row = history.row(iteration)
            self._insert(iteration, row[self._metric.name], row["dev_loss"])
            self._dropped = sorted(before.difference(self._now(), *self._before))
            self._num_seen += 1

    def _insert(self, iteration: int, value: float, dev_loss: float) -> None:
        limits = [*(other for other, _ in self._ranked), self._metric.starting_metric]
        is_better = [_is_better(self._metric, value, dev_loss, limit) for limit in limits]
        if any(is_better):
            self._ranked.insert(is_better.index(True), (value, iteration))
            del self._ranked[self._number :]


def _is_better(metric: Any, tracked: float, dev_loss: float, best: float) -> bool:
    """Whether an evaluation is better than the best; one without a number for a loss never is.

    Of outputs that are not numbers a class can still be picked, and an accuracy computed.
    """
    return not math.isnan(dev_loss) and bool(metric.compare(tracked, best))
