"""What a run keeps of itself while it trains: metrics, outputs, losses, times, plots."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.config.schema.run import RunConfig
from autrainer.data.loader import Loader
from autrainer.datasets.tables.samples import SplitSamples
from autrainer.engine.interfaces import Batches
from autrainer.engine.nonfinite import LossGuard
from autrainer.engine.step import MeanLoss
from autrainer.engine.stopping import StopRequest
from autrainer.engine.unscaled import UnscaledScores
from autrainer.runs.stage_clock import StageClock
from autrainer.runs.timer import Timer
from autrainer.runs.writing.outputs import OutputsTracker
from autrainer.training.build import Parts
from autrainer.training.recording.best import BestIteration, BestIterations
from autrainer.training.recording.history import History
from autrainer.training.recording.plots import BackgroundPlots
from autrainer.training.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd


class Records:
    """The records of one run.

    Args:
        config: Its configuration.
        parts: What it is made of.
        folder: Where it takes place.

    Attributes:
        history: Metrics of every evaluated iteration.
        best: The best of them.
        averaged: The best of them of which a mean is made at the end; None if there is to be none.
        initial_iteration: First iteration that this run trains itself.
        is_tested: Whether the test set has been evaluated.
        stop_request: Whether somebody has asked to end the run early.
        losses: Mean loss of the evaluation period in progress.
        loss_guard: Looks out for losses that are NaN or infinite.
    """

    def __init__(self, config: RunConfig, parts: Parts, folder: RunFolder) -> None:
        data, training = parts.data, config.training
        metrics = [metric.name for metric in data.metrics]
        self.history = History([*metrics, "train_loss", "dev_loss"])
        self.best = BestIteration(data.tracking_metric, lambda: self.history.iterations)
        number = config.updates.num_best
        self.averaged = (
            None
            if number is None
            else BestIterations(number, data.tracking_metric, lambda: self.history)
        )
        self.unscaled_scores = UnscaledScores(data)
        self.initial_iteration = 1
        self.is_tested = False
        self.stop_request = StopRequest()
        self.clock = StageClock()
        path = str(folder.output_directory)
        self.train_timer, self.dev_timer, self.test_timer = (
            Timer(path, subset) for subset in ("train", "dev", "test")
        )
        self._config, self._parts, self._folder = config, parts, folder
        saving = config.saving
        self.train_tracker = self.tracker("train", True) if saving.save_train_outputs else None
        self.dev_tracker = self.tracker("dev", saving.save_dev_outputs)
        self.test_tracker = self.tracker("test", saving.save_test_outputs)
        self.losses = MeanLoss(parts.runtime)
        self.loss_guard = LossGuard(
            config.updates.on_nonfinite,
            training.training_type,
            parts.device,
            partial(data.places, "train"),
            parts.runtime,
        )
        self.plots = BackgroundPlots(
            folder.output_directory,
            training.training_type,
            config.plotting if parts.runtime.is_main else None,
            data.metrics,
        )

    def tracker(self, subset: str, export: bool) -> OutputsTracker:
        """What keeps the outputs of a split.

        Args:
            subset: `train`, `dev` or `test`.
            export: Whether it writes them too.
        """
        training, data = self._config.training, self._parts.data
        tracker = OutputsTracker(
            export,
            subset,
            data,
            self._folder.bookkeeping,
            self._config.saving.outputs_format,
            SplitSamples(data, subset),
            self._parts.runtime.communicator,
        )
        rows = rows_of_pass(self._parts, subset)
        if subset == "train" and training.training_type == "epoch":
            rows *= training.eval_frequency
        elif subset == "train":
            rows = min(training.batch_size, rows) * training.eval_frequency
        tracker.reserve(rows)
        return tracker

    @property
    def metrics(self) -> pd.DataFrame:
        """Metrics of the evaluated iterations; after the test also the column `iteration`."""
        return self.history.frame(with_iteration=self.is_tested)

    def restore(self, history: History, timers: Path) -> None:
        """Go on from the metrics and times of another run.

        Args:
            history: Its metrics.
            timers: Its `timer.yaml`; what it waited for is told beside it.
        """
        self.history = history
        self.initial_iteration = history.iterations[-1] + 1
        self.best.follow(history)
        for timer in (self.train_timer, self.dev_timer, self.test_timer):
            timer.restore(timers)
        self.clock.restore(timers.parent)

    def early_end(self) -> tuple[int, str] | None:
        """The last iteration and the reason, if the run has ended before all iterations."""
        reason = self.stop_request.reason
        reached = (self.history.iterations or [0])[-1]
        is_early = reason is not None and reached < self._config.training.iterations
        return (reached, reason) if is_early and reason is not None else None


def rows_of_pass(parts: Parts, subset: str) -> int:
    """How many samples of a split the model sees in a pass."""
    return rows_by(getattr(parts, f"{subset}_loader"), getattr(parts.data, f"{subset}_dataset"))


def rows_by(loader: Batches, split: Any) -> int:
    """How many samples of a split a loader gives in a pass."""
    sampler = loader.sampler if isinstance(loader, Loader) else None
    return len(split if sampler is None else sampler)
