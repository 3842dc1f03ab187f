"""Ending a run before its last iteration."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.config.schema.kinds import count, duration, nonnegative, or_null, saying, text
from autrainer.config.schema.reading import key, options, required


@dataclass(frozen=True)
class EarlyStoppingSection:
    """When a run ends although it still could train.

    Args:
        patience: Evaluations without improvement that are waited for.
        min_delta: By how much a value has to be better to count as an improvement.
        metric: `dev_loss`, `train_loss` or the name of a metric; None for the tracking metric.
    """

    patience: int = required(
        count, fix="say how many evaluations without improvement are waited for"
    )
    min_delta: float = key(nonnegative, 0.0)
    metric: str | None = key(saying(text, "use the name of a metric, dev_loss or train_loss"), None)


@dataclass(frozen=True)
class StoppingSection:
    """What ends a run early.

    Args:
        early_stopping: End the run where a metric no longer improves, such as `{patience: 10}`;
            None for never.
        max_duration: Seconds since the command began, after which a run stops with its state
            kept; None for no limit.
    """

    early_stopping: EarlyStoppingSection | None = options(EarlyStoppingSection)
    max_duration: float | None = key(or_null(duration, "for no limit"), None, makes_run=False)
