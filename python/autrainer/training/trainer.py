"""`ModularTaskTrainer`: trains what a configuration names, and leaves a run folder."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from omegaconf import DictConfig

from autrainer.engine.evaluate import Evaluated, Evaluator
from autrainer.engine.loading import seconds_inside
from autrainer.engine.loop import EpochLoop, Position, StepLoop
from autrainer.engine.step import DeviceMover, TrainingStep
from autrainer.engine.threads import intra_op_threads
from autrainer.engine.unscaled import flat, interleaved
from autrainer.engine.update import StepFunction
from autrainer.errors import AutrainerError, OutputError, RunInterruptedError
from autrainer.runs.finished import TABLE, table_checksum
from autrainer.runs.layout import UNSCALED, UNSCALED_TABLE
from autrainer.runs.process.signals import Requests, heeded
from autrainer.runs.random.seeding import derived_seed, set_seed
from autrainer.runs.stage_clock import EVALUATION, OUTPUTS, waiting_line, write_stages
from autrainer.runs.state.torch_files import first_sound, read_state
from autrainer.runs.status import Status
from autrainer.runs.timer import FILE_NAME
from autrainer.runs.writing.files import remove_file, remove_files, write_text, write_yaml
from autrainer.runs.writing.outputs import OutputsTracker
from autrainer.training.blame import told
from autrainer.training.build import Schedule
from autrainer.training.checkpoints import load_part
from autrainer.training.history import History
from autrainer.training.memory import explained
from autrainer.training.report import best_results, results_block
from autrainer.training.run import Run

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


class ModularTaskTrainer(Run):
    """Trains what a configuration describes. See `Run` for what it consists of.

    Args:
        cfg: Resolved configuration; it is left as it is.
        output_directory: The run folder.
        experiment_id: Name of the experiment for loggers; by default that of the folder two
            levels above the run folder.
        run_name: Name of the run for loggers; by default that of the run folder.

    Raises:
        ConfigError: if the configuration cannot be trained, with every reason; nothing has been
            built or written then.
    """

    def __init__(
        self,
        cfg: DictConfig | Mapping[str, Any],
        output_directory: str | Path,
        experiment_id: str | None = None,
        run_name: str | None = None,
    ) -> None:
        super().__init__(cfg, output_directory, experiment_id, run_name)
        self.train_step_fn = self._step_function()
        self._is_trained = False
        self._resumed_at: Position | None = None
        self.unscaled_test: dict[str, float] = {}

    def train(self) -> float:
        """Train, test with the best state, and write everything.

        Returns:
            The tracking metric at the best iteration; its fallback at the first evaluated
            iteration if it was never defined.

        Raises:
            OutputError: if a file could not be written.
            AutrainerError: if this trainer has trained before.
        """
        if self._is_trained:
            raise AutrainerError("this trainer has trained before; build a new one to train again")
        if not self._lock.is_held:
            raise AutrainerError("this trainer has been closed; build a new one to train")
        self._is_trained = True
        with heeded() as requests, requests.prevailing():
            value = self._attempt(requests)
        if requests.stop is not None:
            # Asked for when nobody looked any more: this run has ended, but a sweep would go on.
            raise RunInterruptedError(requests.stop, saved=True)
        return value

    def _attempt(self, requests: Requests) -> float:
        """Train, say in the folder how that ended, and give everything back."""
        status = Status(self.output_directory)
        try:
            with self.threads(), requests.prevailing():
                status.begin()
                self.resumption.heed(requests)
                value = self._train()
                status.finish(
                    table_checksum(self.output_directory),
                    self._early_end(),
                    self.conditions.state_dict(),
                )
                self.resumption.clear()
        except BaseException as error:
            with requests.ending():
                cause = explained(error, self)
                if self._lock.is_held:
                    status.stop(cause, interrupted=isinstance(error, KeyboardInterrupt))
                if isinstance(error, RunInterruptedError) and error.__cause__ is not None:
                    log.warning("While stopping: %s", told(error.__cause__))
            if cause is not error:
                raise cause from error
            raise
        finally:
            with requests.ending():
                self.close()
        return value

    def stop(self, reason: str = "") -> None:
        """End training with the iteration in progress; callbacks may call this in any hook.

        The epoch or step is finished and evaluated, its states are saved, the best state is
        tested, and the run counts as finished: `status.yaml` says `stopped`, with the reason. From
        `cb_on_train_begin` it trains one iteration. After the last iteration it changes nothing.

        Args:
            reason: Why, for the log and `status.yaml`; the first one counts.
        """
        self.stop_request.make(str(reason))

    @property
    def is_stopping(self) -> bool:
        """Whether training is to end with the iteration in progress, or the one just ended."""
        return self.stop_request.is_made

    def _early_end(self) -> tuple[int, str] | None:
        """The last iteration and the reason, if this run has ended before all iterations."""
        reason = self.stop_request.reason
        reached = (self.history.iterations or [0])[-1]
        return None if reason is None or reached >= self.settings.iterations else (reached, reason)

    def threads(self) -> AbstractContextManager[None]:
        """Within the block torch uses as many intra-op threads as this run trains with."""
        return intra_op_threads(self.mult_adds, self.settings.batch_size, self.DEVICE)

    def _train(self) -> float:
        # What an earlier attempt left must not make this one look finished if it fails.
        remove_file(self.output_directory / TABLE)
        self.clock.start()
        self.resumption.restore_listeners()
        self.hooks.fire("cb_on_train_begin")
        self._resumed_at = self.resumption.restore()
        if self._resumed_at is not None:
            self.initial_iteration = self._resumed_at.iteration
        if self.training_type == "epoch":
            self.train_epochs()
        else:
            self.train_steps()
        self._tell_early_end()
        self.plots.draw(self.history)
        self._load_best()
        results = self._test()
        self._write_results(results)
        self.hooks.fire("cb_on_train_end")
        return self.history.row(self.best_iteration)[self.data.tracking_metric.name]

    def _tell_early_end(self) -> None:
        """Log that training has ended early, and keep what a longer run can go on from."""
        early = self._early_end()
        if early is None:
            return
        iteration, reason = early
        log.info("Stopped after %s %d: %s", self.training_type, iteration, reason or "as asked")
        self.bookkeeping.save_states(self.states(), [self.folder_of(iteration)])
        self._forget_old_states(iteration)

    def train_epochs(self) -> None:
        """Train by epoch from the initial to the last iteration."""
        self._loop(EpochLoop).run(
            self.initial_iteration, self.settings.iterations, self._resumed_at
        )

    def train_steps(self) -> None:
        """Train by step from the initial to the last iteration."""
        self._loop(StepLoop).run(self.initial_iteration, self.settings.iterations, self._resumed_at)

    def training_step(self) -> TrainingStep:
        """What happens to one training batch, ready to be called."""
        schedule = self._schedule_by("batch")
        return TrainingStep(
            self.train_step_fn,
            model=self.model,
            criterion=self.criterion,
            probabilities_fn=self.data.target_transform.probabilities_training,
            move=self._mover("train"),
            hooks=self.hooks,
            losses=self.losses,
            tracker=self.train_tracker,
            after_update=None if schedule is None else self._step_schedule,
            check=self.bookkeeping.background.check,
            guard=self.loss_guard,
            clock=self.clock,
        )

    def _loop(self, kind: type[EpochLoop] | type[StepLoop]) -> EpochLoop | StepLoop:
        return kind(
            self.train_loader,
            self.training_step(),
            self,
            self.hooks,
            eval_frequency=self.settings.eval_frequency,
            show_progress=self.settings.progress_bar,
            device=self.DEVICE,
            clock=self.clock,
            keeper=self.resumption,
        )

    def _step_function(self) -> StepFunction:
        has_own = callable(getattr(self.optimizer, "custom_step", None))
        return self.update.step if has_own else self._train_step

    def _train_step(
        self, model: Any, data: Any, criterion: Any, probabilities_fn: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Forward, backward and update on one batch; override it to train in another way."""
        return self.update.step(model, data, criterion, probabilities_fn)

    def _mover(self, subset: str) -> DeviceMover:
        # A dataset may bring loaders of its own, which need not know of pinning.
        pinned = bool(getattr(getattr(self, f"{subset}_loader"), "pin_memory", False))
        return DeviceMover(self.DEVICE, non_blocking=pinned and self.DEVICE.type == "cuda")

    def seed(self, iteration: int) -> None:
        """Make what follows depend on the seed and this iteration alone, not on what was before."""
        set_seed(derived_seed(self.settings.training_seed, "train", iteration))

    def begin(self, iteration: int) -> None:
        """Begin an evaluation period with this iteration."""
        self.model.train()
        self.losses.reset()
        self.train_timer.start()

    def go_on(self) -> None:
        """Take up an evaluation period that has begun in an earlier attempt."""
        self.model.train()
        self.train_timer.start()

    def end(self, iteration: int) -> None:
        """End an evaluation period: evaluate, keep outputs and states, tell the listeners."""
        folder = self.folder_of(iteration)
        schedule = self._schedule_by("evaluation")
        if schedule is not None and not schedule.wants_metric:
            schedule.scheduler.step()
        self.train_timer.stop()
        self.loss_guard.flush()
        with self.clock.within(OUTPUTS):
            self.bookkeeping.create_folder(folder)
            if self.train_tracker is not None:
                self.train_tracker.save(folder)
        self.history.record(iteration, {"train_loss": self.losses.mean()})
        self.dev_timer.start()
        self.evaluate(iteration, folder, self.dev_loader)
        self.dev_timer.stop()
        row = self.history.row(iteration)
        self.hooks.fire("cb_on_dev_end", iteration=iteration, dev_results=dict(row))
        self.hooks.fire("cb_on_iteration_end", iteration=iteration, metrics=dict(row))
        self.model.train()

    def _step_schedule(self, loss: torch.Tensor) -> None:
        """Step the schedule after a batch, unless the batch changed nothing."""
        if self.schedule is not None and self.update.was_made:
            self.schedule.after_batch(loss)

    def _schedule_by(self, frequency: str) -> Schedule | None:
        """The schedule, if there is one and it steps that often."""
        schedule = self.schedule
        return schedule if schedule is not None and schedule.frequency == frequency else None

    def evaluate(
        self,
        iteration: int,
        iteration_folder: str,
        loader: Any,
        df: pd.DataFrame | None = None,
        dev_evaluation: bool = True,
        save_to: str = "dev",
        tracker: OutputsTracker | None = None,
    ) -> dict[str, float] | None:
        """Evaluate a split and write its outputs and results.

        Args:
            iteration: The evaluated iteration; -1 for the test set.
            iteration_folder: Folder of the run that takes the files.
            loader: Yields the batches of the split.
            df: Not needed; earlier versions looked up the strata in this data frame.
            dev_evaluation: The split is the dev set: keep its metrics and the best state.
            save_to: Name of the results file, without suffix.
            tracker: Keeps the outputs; by default that of the split.

        Returns:
            `test_loss` and every metric with the prefix `test_`; None for the dev set.
        """
        subset = "dev" if dev_evaluation else "test"
        if tracker is None:
            tracker = self.dev_tracker if dev_evaluation else self.test_tracker
        if dev_evaluation:
            self.hooks.fire("cb_on_dev_begin", iteration=iteration)
        else:
            self.hooks.fire("cb_on_test_begin")
        # Made anew: a callback may have put another model or criterion in its place.
        evaluator = Evaluator(
            self.model,
            self.criterion,
            self.data,
            self.hooks,
            self.DEVICE,
            show_progress=self.settings.progress_bar,
            unscaled=self.unscaled_scores,
            precision=self.precision,
            clock=self.clock,
            check=self._check_evaluation,
        )
        with self.clock.within(EVALUATION):
            evaluated = evaluator.evaluate(
                loader, subset, tracker, iteration_folder, self._mover(subset)
            )
        if dev_evaluation:
            self._keep(iteration, iteration_folder, evaluated, save_to, tracker)
            tracker.reset()
            return None
        results = evaluated.parts | {"loss": {"all": evaluated.loss}}
        self._save_results(results, evaluated.unscaled, save_to, iteration_folder)
        self.unscaled_test = {
            f"test_{name}": value for name, value in flat(evaluated.unscaled).items()
        }
        tested = {f"test_{name}": value for name, value in evaluated.totals.items()}
        return {"test_loss": evaluated.loss, **tested}

    def _save_results(
        self, results: dict[str, Any], unscaled: dict[str, Any], name: str, folder: str
    ) -> None:
        """Write results, and those in the units of the targets, if there are any, beside them."""
        self.bookkeeping.save_results_dict(results, f"{name}.yaml", folder)
        if unscaled:
            self.bookkeeping.save_results_dict(unscaled, f"{name}{UNSCALED}.yaml", folder)

    def _check_evaluation(self) -> None:
        self.bookkeeping.background.check()
        self.resumption.leave_if_asked()

    def _keep(
        self,
        iteration: int,
        folder: str,
        evaluated: Evaluated,
        name: str,
        tracker: OutputsTracker,
    ) -> None:
        """Record a dev evaluation: metrics, log, files, states, and the best of them so far."""
        if not self._has_best():
            self.best_iteration = (self.history.iterations or [iteration])[0]
        scores = {**evaluated.totals, "dev_loss": evaluated.loss, **flat(evaluated.unscaled)}
        self.history.record(iteration, scores)
        self._log_iteration("Dev", iteration)
        tracked = evaluated.totals[self.data.tracking_metric.name]
        schedule = self._schedule_by("evaluation")
        if schedule is not None and schedule.wants_metric:
            schedule.scheduler.step(tracked)
        loss = {"dev_loss": {"all": evaluated.loss}}
        results: dict[str, Any] = {**evaluated.parts, **loss, "iteration": iteration}
        self._save_results(results, evaluated.unscaled, name, folder)
        folders = [folder] if self._is_saved(iteration) else []
        with self.clock.within(OUTPUTS):
            if self._is_better(tracked, evaluated.loss, self.max_dev_metric):
                self.max_dev_metric = tracked
                self.best_iteration = iteration
                folders.append("_best")
                tracker.copy_to("_best")
                self._save_results(results, evaluated.unscaled, name, "_best")
            self.bookkeeping.save_states(self.states(), folders)
            self._forget_old_states(iteration)

    def _log_iteration(self, kind: str, iteration: int) -> None:
        beside = self.unscaled_metrics(iteration)
        row = interleaved(self.history.row(iteration), beside)
        note = self.unscaled_scores.note if beside else ""
        self.bookkeeping.log(results_block(kind, row, self.training_type, iteration, note))

    def _forget_old_states(self, iteration: int) -> None:
        """Remove the states of old iterations if only some are kept; their results stay."""
        kept = self.settings.keep_checkpoints
        if kept is None or not self._is_saved(iteration):
            return
        saved = [done for done in self.history.iterations if self._is_saved(done)]
        names = list(self.states())
        for old in saved[:-kept]:
            if old != self.best_iteration:
                folder = self.output_directory / self.folder_of(old)
                self.bookkeeping.background.submit(remove_files, folder, names)

    def _is_better(self, tracked: float, dev_loss: float, best: float) -> bool:
        """Whether an evaluation is better than the best; one without a number for a loss never is.

        Of outputs that are not numbers a class can still be picked, and an accuracy computed.
        """
        compare = self.data.tracking_metric.compare
        return not math.isnan(dev_loss) and bool(compare(tracked, best))

    def best_in(self, history: History) -> int | None:
        """The best iteration of a history, or None if the metric was defined in none."""
        value, best = float(self.data.tracking_metric.starting_metric), None
        for iteration in history.iterations:
            row = history.row(iteration)
            tracked = row[self.data.tracking_metric.name]
            if self._is_better(tracked, row["dev_loss"], value):
                value, best = tracked, iteration
        return best

    def folder_of(self, iteration: int | None) -> str:
        """Name of the folder of an iteration; None stands for the state before the first."""
        return "_initial" if iteration is None else f"{self.training_type}_{iteration}"

    def _is_saved(self, iteration: int) -> bool:
        settings = self.settings
        is_due = iteration % settings.save_frequency == 0 or iteration == settings.iterations
        early = self._early_end()
        return is_due or (early is not None and early[0] == iteration)

    def restore(self, history: History, timers: Path, states: Path) -> None:
        """Go on from another run's metrics, times and states.

        Args:
            history: Its metrics.
            timers: Its `timer.yaml`; what it waited for is told beside it.
            states: Folder with the states of its last iteration.
        """
        self.history = history
        done = history.iterations[-1]
        self.initial_iteration = done + 1
        best = self.best_in(history)
        self.best_iteration = best or history.iterations[0]
        if best is not None:
            self.max_dev_metric = history.row(best)[self.data.tracking_metric.name]
        for timer in (self.train_timer, self.dev_timer, self.test_timer):
            timer.restore(timers)
        self.clock.restore(timers.parent)
        for name, part in self.states().items():
            load_part(part, read_state(states / name), states / name)
        if hasattr(self.train_loader, "start_at"):
            per_pass = len(self.train_loader) if self.training_type == "step" else 1
            self.train_loader.start_at(*divmod(done, per_pass))
        for logger in self.loggers:
            for iteration in history.iterations:
                row = interleaved(history.row(iteration), history.beside(iteration))
                logger.log_and_update_metrics(row, iteration)

    def _load_best(self) -> None:
        with self.clock.within(OUTPUTS):
            self.bookkeeping.background.join()
        parts = {name: part for name, part in self.states().items() if part is not self.scheduler}
        best = self.folder_of(self.best_iteration if self._has_best() else None)
        folders = [self.output_directory / name for name in ("_best", best)]
        folder, states = first_sound(folders, list(parts))
        for name, part in parts.items():
            load_part(part, states[name], folder / name)

    def _test(self) -> dict[str, float]:
        self.bookkeeping.create_folder("_test")
        self.test_timer.start()
        results = self.evaluate(
            -1, "_test", self.test_loader, dev_evaluation=False, save_to="test_holistic"
        )
        self.test_timer.stop()
        self._tested = True
        self.hooks.fire("cb_on_test_end", test_results=dict(results or {}))
        return results or {}

    def _write_results(self, test_results: dict[str, float]) -> None:
        """Everything that is known at the end; `metrics.csv`, the mark of a finished run, last."""
        best = best_results(self.history, self.data.metrics, self.best_iteration)
        self.bookkeeping.save_results_dict(best, "best_results.yaml", "_best")
        if self._has_best():
            self._log_iteration("Best", self.best_iteration)
        else:
            log.warning(
                "%s was not defined after any iteration, so the initial state was tested; "
                "a learning_rate below %g may help",
                self.data.tracking_metric.name,
                self.settings.learning_rate,
            )
        note = self.unscaled_scores.note if self.unscaled_test else ""
        results = interleaved(test_results, self.unscaled_test)
        self.bookkeeping.log(results_block("Test", results, note=note))
        self._finish_plots()
        with self.clock.within(OUTPUTS):
            self.bookkeeping.background.join()
        self._write_times()
        if beside := self.history.names_beside:
            write_text(self.output_directory / UNSCALED_TABLE, self.history.to_csv(beside))
        write_text(self.output_directory / TABLE, self.history.to_csv())

    def _write_times(self) -> None:
        """What the parts of the run took, and what it waited for."""
        timers = {"train": self.train_timer, "dev": self.dev_timer, "test": self.test_timer}
        times = {name: timer.summary() for name, timer in timers.items()}
        write_yaml(self.output_directory / FILE_NAME, times)
        seconds, inside = self.clock.seconds(), seconds_inside(self.train_loader)
        write_stages(self.output_directory, seconds, inside)
        self.bookkeeping.log(waiting_line(seconds, inside))

    def _finish_plots(self) -> None:
        """Wait for the plots. What was trained counts without them, and they can be drawn again."""
        try:
            self.plots.finish()
        except OutputError as error:
            log.error("The plots of this run are missing: %s", error)

    def _has_best(self) -> bool:
        """Whether the tracking metric has been a score, and not NaN or its fallback, so far."""
        metric = self.data.tracking_metric
        return metric.compare(self.max_dev_metric, metric.starting_metric)
