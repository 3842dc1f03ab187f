"""Evaluation of a split: outputs, losses, metrics, and metrics of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from autrainer.callbacks.progress import Progress
from autrainer.models.utils import create_model_inputs
from autrainer.training.step import Hooks, MeanLoss, Tracker, evaluation_mode

Array = npt.NDArray[Any]


def run_split(
    loader: Any,
    *,
    subset: str,
    model: torch.nn.Module,
    criterion: Any,
    probabilities_fn: Callable[[torch.Tensor], torch.Tensor],
    move: Callable[[Any], Any],
    hooks: Hooks,
    tracker: Tracker,
    device: torch.device,
    show_progress: bool,
) -> float:
    """Pass a split through the model; the tracker keeps the rows.

    Args:
        loader: Yields the batches.
        subset: `dev` or `test`, as the hooks are named.
        model: The model, on the device.
        criterion: Gives unreduced losses.
        probabilities_fn: Between the outputs and the criterion.
        move: Brings a batch to the device.
        hooks: Who listens.
        tracker: Takes outputs, targets, losses and indices.
        device: Where losses are summed.
        show_progress: Show a bar.

    Returns:
        Mean loss over the samples.
    """
    begin = hooks.listeners(f"cb_on_{subset}_step_begin")
    end = hooks.listeners(f"cb_on_{subset}_step_end")
    losses = MeanLoss(device)
    title = "Evaluate" if subset == "dev" else "Test"
    bar = Progress(title, len(loader), disabled=not show_progress)
    with bar, evaluation_mode(model):
        for batch_idx, batch in enumerate(loader):
            if begin:
                hooks.fire(f"cb_on_{subset}_step_begin", batch_idx=batch_idx)
            batch = move(batch)
            output = model(**create_model_inputs(model, batch))
            loss = criterion(probabilities_fn(output), batch.target)
            losses.add(loss)
            tracker.update(output, batch.target, loss, batch.index)
            if end:
                hooks.fire(f"cb_on_{subset}_step_end", batch_idx=batch_idx, loss=loss.mean().item())
            bar.advance()
    return losses.mean()


def score(metrics: Iterable[Any], targets: Array, predictions: Array) -> dict[str, float]:
    """Every metric over all samples, by name."""
    return {metric.name: float(metric(targets, predictions)) for metric in metrics}


def score_parts(
    metrics: Sequence[Any],
    totals: Mapping[str, float],
    targets: Array,
    predictions: Array,
    *,
    target_columns: Sequence[str] | None,
    strata: Mapping[Any, npt.NDArray[np.bool_]],
) -> dict[str, dict[Any, float]]:
    """Metrics of each target column or of each stratum beside those of all samples.

    Args:
        metrics: The metrics.
        totals: Their values over all samples.
        targets: Encoded targets, shape (N,) or (N, T).
        predictions: Encoded predictions, the same shape.
        target_columns: Names of the T columns, or None for a single target.
        strata: For each stratum, which of the N samples belong to it.

    Returns:
        `{metric: {part: value, ..., "all": value}}`.
    """
    results: dict[str, dict[Any, float]] = {}
    for metric in metrics:
        values: dict[Any, float] = {}
        for position, column in enumerate(target_columns or ()):
            values[column] = float(metric.unitary(targets[:, position], predictions[:, position]))
        values["all"] = totals[metric.name]
        for stratum, members in strata.items():
            values[stratum] = float(metric(targets[members], predictions[members]))
        results[metric.name] = values
    return results
