"""What a run tells about its results: blocks in its log and the best values of all metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autrainer.training.history import History


def results_block(
    kind: str, results: Mapping[str, float], training_type: str | None = None, iteration: int = -1
) -> str:
    """A block of results for the log.

    >>> print(results_block("Dev", {"accuracy": 0.5, "dev_loss": 1.25}, "epoch", 3))
    Dev results at epoch 3:
    accuracy: 0.5000
    dev_loss: 1.2500
    """
    where = f" at {training_type} {iteration}" if training_type is not None else ""
    width = max(map(len, results), default=0) + 1
    lines = [f"{name + ':':<{width}} {_shown(value)}" for name, value in results.items()]
    return "\n".join([f"{kind} results{where}:", *lines])


def best_results(
    history: History, metrics: Sequence[Any], best_iteration: int
) -> dict[str, float | int]:
    """The smallest losses, each metric's own best value, and the best iteration of the run."""
    best: dict[str, float | int] = {
        name: min((v for v in history.column(name) if not math.isnan(v)), default=math.nan)
        for name in ("train_loss", "dev_loss")
    }
    best = {f"{name}_min": value for name, value in best.items()}
    for metric in metrics:
        values = [value for value in history.column(metric.name) if not math.isnan(value)]
        pick = max if metric.suffix == "max" else min
        best[metric.name] = pick(values, default=math.nan)
    best["best_iteration"] = best_iteration
    return best


def _shown(value: float) -> str:
    # Of the fallback of a metric, 1e32, no digit after the point matters.
    return f"{value:.4g}" if abs(value) >= 1e15 else f"{value:.4f}"
