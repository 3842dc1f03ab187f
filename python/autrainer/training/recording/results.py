"""The results of a run as files and as lines of its log."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from autrainer.config.schema.sections.training import TrainingSection
from autrainer.engine.evaluate import Evaluated
from autrainer.engine.loading import seconds_inside
from autrainer.engine.unscaled import flat, interleaved
from autrainer.runs.layout import (
    BEST,
    BEST_RESULTS_FILE,
    MEAN_RESULTS,
    TABLE,
    TIMES_FILE,
    UNSCALED_TABLE,
    results_file,
)
from autrainer.runs.stage_clock import OUTPUTS, waiting_line, write_stages
from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.writing import write_yaml
from autrainer.training.build import Parts
from autrainer.training.recording.records import Records
from autrainer.training.recording.report import (
    best_results,
    enumerated,
    results_block,
    shown,
)
from autrainer.training.run_folder import RunFolder

log = logging.getLogger(__name__)


class Results:
    """Writes what has come out of a run.

    Args:
        training: How it trains.
        parts: What it is made of.
        records: What it has kept.
        folder: Where it takes place.

    Attributes:
        unscaled_test: Scores of the test set in the units of the targets, by name.
    """

    def __init__(
        self, training: TrainingSection, parts: Parts, records: Records, folder: RunFolder
    ) -> None:
        self._training, self._parts, self._records = training, parts, records
        self._path, self._bookkeeping = folder.output_directory, folder.bookkeeping
        self.unscaled_test: dict[str, float] = {}

    def save_dev(self, evaluated: Evaluated, iteration: int, name: str, folder: str) -> None:
        """Write the results of an evaluated iteration."""
        loss = {"dev_loss": {"all": evaluated.loss}}
        results = {**evaluated.parts, **loss, "iteration": iteration}
        self._save(results, evaluated.unscaled, name, folder)

    def save_test(self, evaluated: Evaluated, name: str, folder: str) -> dict[str, float]:
        """Write the results of the test set; `test_loss` and the metrics, prefixed."""
        results = evaluated.parts | {"loss": {"all": evaluated.loss}}
        self._save(results, evaluated.unscaled, name, folder)
        self.unscaled_test = prefixed(flat(evaluated.unscaled))
        return {"test_loss": evaluated.loss, **prefixed(evaluated.totals)}

    def save_mean(self, evaluated: Evaluated, iterations: Sequence[int]) -> None:
        """Write and log the dev results of the mean of the weights of the best iterations.

        Args:
            evaluated: What came out.
            iterations: The iterations, the best one first.
        """
        records, name = self._records, self._parts.data.tracking_metric.name
        loss = {"dev_loss": {"all": evaluated.loss}}
        results = {**evaluated.parts, **loss, "iterations": sorted(iterations)}
        self._save(results, evaluated.unscaled, MEAN_RESULTS, BEST)
        kind = self._training.training_type
        plural = "s" if len(iterations) > 1 else ""
        mean = f"mean of the weights after {kind}{plural} {enumerated(sorted(iterations))}"
        scores = {**evaluated.totals, "dev_loss": evaluated.loss}
        beside = flat(evaluated.unscaled)
        note = f"{mean}; {records.unscaled_scores.note}" if beside else mean
        self._bookkeeping.log(results_block("Dev", interleaved(scores, beside), note=note))
        best = records.history.row(iterations[0])[name]
        self._bookkeeping.log(
            f"{name} on the dev set: {shown(evaluated.totals[name])} by this mean, which is "
            f"tested; {shown(best)} after {kind} {iterations[0]}, the best one"
        )

    def _save(
        self, results: dict[str, Any], unscaled: dict[str, Any], name: str, folder: str
    ) -> None:
        """Write results, and those in the units of the targets, if there are any, beside them."""
        self._bookkeeping.save_results_dict(results, results_file(name), folder)
        if unscaled:
            self._bookkeeping.save_results_dict(unscaled, results_file(name, unscaled=True), folder)

    def log_iteration(self, kind: str, iteration: int) -> None:
        """Log the scores of an iteration as a block."""
        history = self._records.history
        beside = history.beside(iteration)
        row = interleaved(history.row(iteration), beside)
        note = self._records.unscaled_scores.note if beside else ""
        kind_of_run = self._training.training_type
        self._bookkeeping.log(results_block(kind, row, kind_of_run, iteration, note))

    def write_all(self, test_results: Mapping[str, float], *, waits_for_plots: bool = True) -> None:
        """Everything that is known at the end; `metrics.csv`, the mark of a finished run, last.

        Args:
            test_results: `test_loss` and the metrics, prefixed.
            waits_for_plots: The plots are on disk as well when this returns.
        """
        records = self._records
        best = best_results(records.history, self._parts.data.metrics, records.best.iteration)
        self._bookkeeping.save_results_dict(best, BEST_RESULTS_FILE, BEST)
        self._log_best()
        note = records.unscaled_scores.note if self.unscaled_test else ""
        results = interleaved(dict(test_results), self.unscaled_test)
        self._bookkeeping.log(results_block("Test", results, note=note))
        if waits_for_plots:
            records.plots.finish()
        write = self._bookkeeping.write
        with records.clock.within(OUTPUTS):
            self._bookkeeping.background.join()
        self._write_times()
        if beside := records.history.names_beside:
            write(write_text, self._path / UNSCALED_TABLE, records.history.to_csv(beside))
        write(write_text, self._path / TABLE, records.history.to_csv())

    def _log_best(self) -> None:
        if self._records.best.is_found:
            self.log_iteration("Best", self._records.best.iteration)
            return
        log.warning(
            "%s was not defined after any iteration, so the initial state was tested; "
            "a learning_rate below %g may help",
            self._parts.data.tracking_metric.name,
            self._training.learning_rate,
        )

    def _write_times(self) -> None:
        """What the parts of the run took, and what it waited for."""
        records = self._records
        timers = {
            "train": records.train_timer,
            "dev": records.dev_timer,
            "test": records.test_timer,
        }
        times = {name: timer.summary() for name, timer in timers.items()}
        self._bookkeeping.write(write_yaml, self._path / TIMES_FILE, times)
        seconds, inside = records.clock.seconds(), seconds_inside(self._parts.train_loader)
        self._bookkeeping.write(write_stages, self._path, seconds, inside)
        self._bookkeeping.log(waiting_line(seconds, inside))


def prefixed(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores of the test set, each name with the prefix `test_`."""
    return {f"test_{name}": value for name, value in scores.items()}
