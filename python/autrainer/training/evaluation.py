"""Evaluation of a split within a run: its scores recorded, its outputs and results written."""

from __future__ import annotations

from collections.abc import Callable

from autrainer.engine.evaluate import Evaluated, Evaluator
from autrainer.engine.interfaces import Batches
from autrainer.engine.step import Hooks
from autrainer.engine.unscaled import flat
from autrainer.runs.layout import BEST
from autrainer.runs.stage_clock import EVALUATION, OUTPUTS
from autrainer.runs.writing.outputs import OutputsTracker
from autrainer.training.build import Parts
from autrainer.training.recording.records import Records
from autrainer.training.recording.results import Results
from autrainer.training.recording.saved_states import SavedStates


class Evaluation:
    """Evaluates the splits of one run.

    Args:
        parts: What the run is made of.
        records: What it keeps.
        results: Writes what comes out.
        saved: Saves states where they are due.
        hooks: The callbacks of the run.
        check: Called between batches; raises if the run has to end.
        show_progress: Show progress bars.
    """

    def __init__(
        self,
        parts: Parts,
        records: Records,
        *,
        results: Results,
        saved: SavedStates,
        hooks: Hooks,
        check: Callable[[], None],
        show_progress: bool,
    ) -> None:
        self._parts, self._records = parts, records
        self._results, self._saved = results, saved
        self._hooks, self._check, self._show_progress = hooks, check, show_progress

    def dev(
        self, iteration: int, folder: str, loader: Batches, name: str, tracker: OutputsTracker
    ) -> None:
        """Evaluate the dev set; keep its scores, and the best state."""
        self._hooks.fire("cb_on_dev_begin", iteration=iteration)
        evaluated = self.evaluated(loader, "dev", tracker, folder)
        self._keep(iteration, folder, evaluated, name, tracker)
        tracker.reset()

    def test(
        self, folder: str, loader: Batches, name: str, tracker: OutputsTracker
    ) -> dict[str, float]:
        """Evaluate the test set; `test_loss` and every metric, prefixed."""
        self._hooks.fire("cb_on_test_begin")
        evaluated = self.evaluated(loader, "test", tracker, folder)
        return self._results.save_test(evaluated, name, folder)

    def evaluated(
        self, loader: Batches, subset: str, tracker: OutputsTracker, folder: str
    ) -> Evaluated:
        """What evaluating a split gives; nothing is recorded.

        Args:
            loader: Yields its batches.
            subset: `dev` or `test`.
            tracker: Keeps its outputs.
            folder: Folder of the run that takes them, if the tracker writes any.
        """
        parts, records = self._parts, self._records
        # Made anew: a callback may have put another model or criterion in its place.
        evaluator = Evaluator(
            parts.evaluated_model,
            parts.criterion,
            parts.data,
            self._hooks,
            parts.runtime,
            show_progress=self._show_progress,
            unscaled=records.unscaled_scores,
            precision=parts.precision,
            clock=records.clock,
            check=self._check,
            join=parts.join_evaluation,
        )
        with records.clock.within(EVALUATION):
            return evaluator.evaluate(loader, subset, tracker, folder, parts.mover(subset))

    def _keep(
        self,
        iteration: int,
        folder: str,
        evaluated: Evaluated,
        name: str,
        tracker: OutputsTracker,
    ) -> None:
        """Record a dev evaluation: metrics, log, files, states, and the best of them so far."""
        records = self._records
        scores = {**evaluated.totals, "dev_loss": evaluated.loss, **flat(evaluated.unscaled)}
        records.history.record(iteration, scores)
        self._results.log_iteration("Dev", iteration)
        tracked = evaluated.totals[self._parts.data.tracking_metric.name]
        schedule = self._parts.schedule_by("evaluation")
        if schedule is not None and schedule.wants_metric:
            schedule.scheduler.step(tracked)
        self._results.save_dev(evaluated, iteration, name, folder)
        folders = [folder] if self._saved.is_due(iteration) else []
        with records.clock.within(OUTPUTS):
            if records.best.take(iteration, tracked, evaluated.loss):
                folders.append(BEST)
                tracker.copy_to(BEST)
                self._results.save_dev(evaluated, iteration, name, BEST)
            self._saved.save(folders)
            self._saved.keep_averaged(iteration)
            self._saved.remove_old(iteration)
