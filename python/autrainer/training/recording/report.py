"""What a run tells about its results: blocks in its log and the best values of all metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autrainer.engine.unscaled import unscaled_names
from autrainer.training.recording.history import History


def results_block(
    kind: str,
    results: Mapping[str, float],
    training_type: str | None = None,
    iteration: int = -1,
    note: str = "",
) -> str:
    """A block of results for the log.

    Args:
        kind: What they are results of.
        results: Values by name.
        training_type: `epoch` or `step`, for results at an iteration.
        iteration: Its number.
        note: What there is to say about them.

    >>> print(results_block("Dev", {"accuracy": 0.5, "dev_loss": 1.25}, "epoch", 3))
    Dev results at epoch 3:
    accuracy: 0.5000
    dev_loss: 1.2500
    """
    where = f" at {training_type} {iteration}" if training_type is not None else ""
    width = max(map(len, results), default=0) + 1
    lines = [f"{name + ':':<{width}} {shown(value)}" for name, value in results.items()]
    said = f" ({note})" if note else ""
    return "\n".join([f"{kind} results{where}{said}:", *lines])


def best_results(
    history: History, metrics: Sequence[Any], best_iteration: int
) -> dict[str, float | int]:
    """The smallest losses, each metric's own best values, and the best iteration of the run."""
    best: dict[str, float | int] = {
        name: min((v for v in history.column(name) if not math.isnan(v)), default=math.nan)
        for name in ("train_loss", "dev_loss")
    }
    best = {f"{name}_min": value for name, value in best.items()}
    for metric in metrics:
        for name in unscaled_names(metric.name, history.names_beside):
            best[name] = _best_of(history.column(name), metric)
        best[metric.name] = _best_of(history.column(metric.name), metric)
    best["best_iteration"] = best_iteration
    return best


def _best_of(values: Sequence[float], metric: Any) -> float:
    pick = max if metric.suffix == "max" else min
    return float(pick((value for value in values if not math.isnan(value)), default=math.nan))


def shown(value: float) -> str:
    """A score as text."""
    # Of the fallback of a metric, 1e32, no digit after the point matters.
    return f"{value:.4g}" if abs(value) >= 1e15 else f"{value:.4f}"


def enumerated(numbers: Sequence[int]) -> str:
    """Some numbers as text.

    >>> enumerated([2]), enumerated([2, 5, 7])
    ('2', '2, 5 and 7')
    """
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last
