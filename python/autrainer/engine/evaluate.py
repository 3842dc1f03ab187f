"""Evaluation of a split: outputs, losses, metrics, and metrics of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autrainer.callbacks.progress import Progress
from autrainer.datasets.base import AbstractDataset
from autrainer.engine.interfaces import Array, Batches, Criterion, Move, Strata
from autrainer.engine.loading import batches_of
from autrainer.engine.precision import Precision
from autrainer.engine.runtime import Runtime
from autrainer.engine.step import Hooks, MeanLoss
from autrainer.engine.unscaled import UnscaledScores
from autrainer.metrics.base import AbstractMetric
from autrainer.models.base import AbstractModel
from autrainer.runs.model_summary import evaluation_mode
from autrainer.runs.stage_clock import OUTPUTS, StageClock
from autrainer.runs.writing.outputs import OutputsTracker


@dataclass(frozen=True)
class Evaluated:
    """What came out of evaluating a split.

    Args:
        loss: Mean loss over the samples.
        totals: Every metric over all samples, by name.
        parts: Every metric of each target column or stratum, and of `all`.
        unscaled: The same in the units of the targets, of metrics that differ there.
    """

    loss: float
    totals: dict[str, float]
    parts: dict[str, dict[Any, float]]
    unscaled: dict[str, dict[Any, float]] = field(default_factory=dict)


def _nothing_failed() -> None:
    """Default check: nothing can have failed."""


def _nothing_to_join() -> None:
    """Default of `join`: the others do not wait for this process."""


@dataclass(frozen=True)
class Evaluator:
    """Passes splits through a model and scores what comes out.

    Args:
        model: The model, on the device.
        criterion: Gives unreduced losses.
        data: The dataset: target transform, metrics, strata.
        hooks: Who listens.
        runtime: Where losses are summed, and the other processes, which have other samples.
        show_progress: Show a bar.
        unscaled: Computes scores in the units of the targets.
        precision: The numbers that the model computes with.
        clock: Told when outputs are handed over to be written.
        check: Raises if work in the background has failed.
        join: Called for each batch of which this process has no sample, but others have.
    """

    model: AbstractModel
    criterion: Criterion
    data: AbstractDataset
    hooks: Hooks
    runtime: Runtime
    show_progress: bool
    unscaled: UnscaledScores
    precision: Precision = field(default_factory=Precision)
    clock: StageClock = field(default_factory=StageClock)
    check: Callable[[], None] = _nothing_failed
    join: Callable[[], None] = _nothing_to_join

    def evaluate(
        self, loader: Batches, subset: str, tracker: OutputsTracker, folder: str, move: Move
    ) -> Evaluated:
        """Evaluate a split: the samples of all processes.

        Args:
            loader: Yields the batches.
            subset: `dev` or `test`, as the hooks are named.
            tracker: Takes outputs, targets, losses and indices, and saves them.
            folder: Folder of the run that takes its files.
            move: Brings a batch to the device.
        """
        tracker.reset()
        loss = self._pass(loader, subset, tracker, move)
        with self.clock.within(OUTPUTS):
            tracker.save(folder, reset=False)
        metrics, columns = self.data.metrics, self.data.target_column
        strata = _kept(self.data.strata(subset), tracker.indices)
        totals = score(metrics, tracker.targets, tracker.predictions)
        parts = score_parts(
            metrics,
            totals,
            tracker.targets,
            tracker.predictions,
            target_columns=columns if isinstance(columns, list) else None,
            strata=strata,
        )
        unscaled = self.unscaled.of(tracker.targets, tracker.predictions, strata)
        return Evaluated(loss, totals, parts, unscaled)

    def _pass(self, loader: Batches, subset: str, tracker: OutputsTracker, move: Move) -> float:
        begin = self.hooks.listeners(f"cb_on_{subset}_step_begin")
        end = self.hooks.listeners(f"cb_on_{subset}_step_end")
        probabilities_fn = self.data.target_transform.probabilities_training
        losses = MeanLoss(self.runtime)
        title = "Evaluate" if subset == "dev" else "Test"
        bar = Progress(title, len(loader), disabled=not self.show_progress)
        with bar, evaluation_mode(self.model):
            for batch_idx, batch in enumerate(batches_of(loader, self.runtime.device)):
                if batch is None:
                    tracker.skip_batch()
                    self.join()
                    self.check()
                    continue
                if begin:
                    self.hooks.fire(f"cb_on_{subset}_step_begin", batch_idx=batch_idx)
                batch = move(batch)
                output = self.precision.forward(self.model, batch)
                loss = self.criterion(probabilities_fn(output), batch.target)
                losses.add(loss)
                tracker.update(output, batch.target, loss, batch.index)
                self.check()
                if end:
                    mean = loss.mean().item()
                    self.hooks.fire(f"cb_on_{subset}_step_end", batch_idx=batch_idx, loss=mean)
                bar.advance()
        return losses.mean()


def _kept(strata: Mapping[Any, Array], indices: Array) -> dict[Any, Array]:
    """Strata over the rows that were evaluated; a loader may have dropped the last batch."""
    kept = {stratum: members[indices] for stratum, members in strata.items()}
    return {stratum: members for stratum, members in kept.items() if members.any()}


def score(
    metrics: Iterable[AbstractMetric], targets: Array, predictions: Array
) -> dict[str, float]:
    """Every metric over all samples, by name."""
    return {metric.name: float(metric(targets, predictions)) for metric in metrics}


def score_parts(
    metrics: Sequence[AbstractMetric],
    totals: Mapping[str, float],
    targets: Array,
    predictions: Array,
    *,
    target_columns: Sequence[str] | None,
    strata: Strata,
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
