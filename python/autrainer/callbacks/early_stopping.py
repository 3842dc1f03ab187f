"""Ends training when a metric has not improved for some time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autrainer.callbacks.base import TrainerView
from autrainer.errors import ConfigError, did_you_mean
from autrainer.metrics.base import AbstractMetric

LOSSES = ("dev_loss", "train_loss")


class EarlyStopping:
    """Stops a run after `patience` evaluations in a row that were no better than the best before.

    Nothing is kept: after a restart the evaluations so far are read from the metrics of the run, so
    that a resumed run, and one that goes on from a shorter one, stop where an uninterrupted would.

    Args:
        patience: Evaluations without improvement that are waited for.
        min_delta: By how much a value has to be better to count as an improvement.
        metric: `dev_loss`, `train_loss` or the name of a metric; None for the tracking metric.
        metrics: The metrics of the run.
        tracking_metric: The one that decides which state is best.

    Raises:
        ConfigError: if there is no such metric.
    """

    def __init__(
        self,
        patience: int,
        min_delta: float = 0.0,
        metric: str | None = None,
        *,
        metrics: Sequence[AbstractMetric],
        tracking_metric: AbstractMetric,
    ) -> None:
        directions = {each.name: each.suffix for each in metrics} | dict.fromkeys(LOSSES, "min")
        self.metric = metric or tracking_metric.name
        if self.metric not in directions:
            fix = did_you_mean(self.metric, directions) or f"use one of {', '.join(directions)}"
            raise ConfigError(f"early_stopping.metric is {metric!r}; {fix}")
        self.patience = patience
        self.min_delta = min_delta
        self._sign = 1.0 if directions[self.metric] == "max" else -1.0
        self._best: float | None = None
        self._num_worse = 0
        self._num_seen = 0

    def cb_on_iteration_end(
        self, trainer: TrainerView, iteration: int, metrics: dict[str, float]
    ) -> None:
        """Look at an evaluation, and at those before it that have not been looked at."""
        if self._num_seen == 0:
            for value in trainer.metrics[self.metric].tolist()[:-1]:
                self._look(value)
        self._look(metrics[self.metric])
        if self._num_worse >= self.patience:
            best = "was no number" if self._best is None else f"was at best {self._best:.4g}"
            trainer.stop(
                f"early stopping: {self.metric} {best} and has not improved "
                f"for {self._num_worse} evaluations"
            )

    def _look(self, value: float) -> None:
        self._num_seen += 1
        gain = math.inf if self._best is None else self._sign * (value - self._best)
        if math.isnan(value) or gain <= self.min_delta:
            self._num_worse += 1
            return
        self._best = value
        self._num_worse = 0
