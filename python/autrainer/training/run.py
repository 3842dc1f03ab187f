"""A run: what a configuration describes, built and ready to train."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from autrainer.callbacks.dispatch import CallbackManager
from autrainer.config.hydra.sweep_points import refuse_stranger
from autrainer.data.loader import Loader
from autrainer.datasets.samples import SplitSamples
from autrainer.engine.nonfinite import LossGuard
from autrainer.engine.precision import Precision
from autrainer.engine.stateful import StatefulParts, StatefulValue
from autrainer.engine.step import Hooks, MeanLoss
from autrainer.engine.stopping import StopRequest
from autrainer.engine.unscaled import UnscaledScores
from autrainer.engine.update import Limits, Update
from autrainer.runs.environment import set_device
from autrainer.runs.finished import is_finished
from autrainer.runs.folder import Bookkeeping
from autrainer.runs.layout import refuse_misplaced
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.process.global_state import GlobalState
from autrainer.runs.random.seeding import set_reproducibility, set_seed
from autrainer.runs.stage_clock import StageClock
from autrainer.runs.state.disk_space import (
    BLOCK_BYTES,
    optimizer_bytes,
    outputs_bytes,
    records_bytes,
    warn_if_full,
)
from autrainer.runs.state.resumable import ResumableState, ResumableStates
from autrainer.runs.state.torch_files import Stateful
from autrainer.runs.timer import Timer
from autrainer.runs.writing.files import make_folder, remove_leftovers
from autrainer.runs.writing.outputs import OutputsTracker
from autrainer.training.batch_norm import lone_values, refuse_lone_sample
from autrainer.training.build import (
    Parts,
    build_callbacks,
    build_early_stopping,
    build_loggers,
    build_parts,
)
from autrainer.training.check import CheckedConfig
from autrainer.training.conditions import Conditions, refuse_changes
from autrainer.training.continuing import ContinueTraining
from autrainer.training.fit import Fit, Seen, outputs_kept
from autrainer.training.history import History
from autrainer.training.plots import Curves
from autrainer.training.record import (
    record_config,
    record_environment,
    record_model,
    record_objects,
)
from autrainer.training.resume import Resumption

if TYPE_CHECKING:
    import pandas as pd


class Run:
    """The parts of a run, who listens to it, and what it keeps. `ModularTaskTrainer` trains it.

    Args:
        cfg: Resolved configuration; it is left as it is.
        output_directory: The run folder.
        experiment_id: Name of the experiment for loggers; by default that of the folder two
            levels above the run folder.
        run_name: Name of the run for loggers; by default that of the run folder.

    Raises:
        ConfigError: if the configuration cannot be trained, with every reason; nothing has been
            built or written then.

    Attributes:
        cfg: The configuration, with the dataset's `criterion` moved to the top level.
        DEVICE: Where the model is.
        data: The dataset object.
        model: The model.
        optimizer: The optimizer.
        criterion: The criterion; its losses are not reduced.
        scheduler: The learning-rate scheduler or None.
        metrics: Data frame with a row for every evaluated iteration.
        best_iteration: Iteration with the best value of the tracking metric so far.
        max_dev_metric: That value.
        initial_iteration: First iteration that this run trains itself.
        output_directory: The run folder, absolute.
    """

    def __init__(
        self,
        cfg: DictConfig | Mapping[str, Any],
        output_directory: str | Path,
        experiment_id: str | None = None,
        run_name: str | None = None,
    ) -> None:
        self._before: GlobalState | None = GlobalState.now()
        checked = CheckedConfig.of(cfg)
        self.cfg = checked.cfg
        self.run_config = checked.plain
        self.settings = checked.settings
        self.output_directory = make_folder(Path(output_directory).absolute())
        self.experiment_id = experiment_id or self.output_directory.parent.parent.name
        self.run_name = run_name or self.output_directory.name
        self.training_type = self.settings.training_type
        self.disable_progress_bar = not self.settings.progress_bar
        self._lock = RunLock(self.output_directory)
        try:
            refuse_misplaced(self.output_directory)
            self.bookkeeping = Bookkeeping(str(self.output_directory))
            self._lock.on_loss = self.bookkeeping.background.fail
            remove_leftovers(self.output_directory)
            found = self._find_state()
            record_config(self.bookkeeping, checked.plain)
            self._build(checked, found)
        except BaseException:
            self.close()
            raise

    def _find_state(self) -> ResumableState | None:
        """What an attempt that was interrupted has kept, or None.

        Raises:
            ConfigError: if it was an attempt of another configuration.
        """
        bookkeeping = self.bookkeeping
        self._states = ResumableStates(
            bookkeeping.output_directory, bookkeeping.background, bookkeeping.staging
        )
        found = self._states.read()
        if found is None:
            return None
        if not self.settings.resume or is_finished(self.output_directory):
            self._states.clear()
            return None
        refuse_stranger(self.output_directory, self.run_config)
        return found

    def _build(self, checked: CheckedConfig, found: ResumableState | None) -> None:
        settings = self.settings
        set_seed(settings.training_seed)
        set_reproducibility(settings.reproducible)
        self.DEVICE = set_device(settings.device)
        record_environment(self.bookkeeping)
        self.callback_manager = CallbackManager()
        self.hooks = Hooks(self.callback_manager, self, self.bookkeeping.background.check)
        config = checked.copy()
        with self.callback_manager.building():
            self._adopt(build_parts(config, settings, self.DEVICE))
            self._build_listeners(config)
        self._build_records(config)
        self.conditions = Conditions(self.data, self.DEVICE, settings)
        if found is not None:
            refuse_changes(found, self, self._states.folder)
        self.stateful = self._stateful_parts()
        self._try_model(checked.plain)
        record_objects(self.bookkeeping, self.model, self.data)
        self.resumption = Resumption(self, self._states, found, settings.resume_every)
        warn_if_full(self.output_directory, self._needed_bytes())
        if found is None:
            self.bookkeeping.save_states(self.states(), ["_initial", "_best"])

    def _try_model(self, config: dict[str, Any]) -> None:
        """Pass a sample through the model: for its summary, and to see whether the parts fit."""
        self.fit = Fit(config, self.data, self.criterion, self.dev_loader, self.DEVICE)
        batch = self.fit.sample()
        self.sample_shape = getattr(batch.features, "shape", ())[1:]
        with outputs_kept(self.model) as outputs, lone_values(self.model) as lone_layers:
            self.mult_adds = record_model(self.bookkeeping, self.model, batch)
        if self.mult_adds is not None:
            self.fit.check(self.model, Seen(batch, outputs[-1]))
        settings = self.settings
        num_steps = settings.iterations if settings.training_type == "step" else None
        refuse_lone_sample(
            self.model, lone_layers, self.train_loader, num_steps, settings.micro_batch_size
        )

    def _adopt(self, parts: Parts) -> None:
        self.data = parts.data
        self.output_dim = parts.data.output_dim
        self.model = parts.model
        self.criterion = parts.criterion
        self.optimizer = parts.optimizer
        self.precision = Precision(self.settings.precision, self.DEVICE)
        self.update = Update(parts.optimizer, self.precision, self._limits())
        self.schedule = parts.schedule
        self.scheduler = None
        if parts.schedule is not None:
            self.scheduler = parts.schedule.scheduler
            self.scheduler_frequency = parts.schedule.frequency
        self.train_loader = parts.train_loader
        self.dev_loader = parts.dev_loader
        self.test_loader = parts.test_loader

    def _limits(self) -> Limits:
        settings = self.settings
        return Limits(
            micro_batch_size=settings.micro_batch_size,
            max_grad_norm=settings.max_grad_norm,
            max_grad_value=settings.max_grad_value,
            skips_nonfinite=settings.on_nonfinite == "skip",
        )

    def _build_listeners(self, config: dict[str, Any]) -> None:
        self.loggers = build_loggers(config, self.data, self.experiment_id, self.run_name)
        self.callbacks = build_callbacks(config)
        self.continue_training = (
            ContinueTraining(self.run_name, self.settings.remove_continued_runs)
            if self.settings.continue_training
            else None
        )
        self.early_stopping = build_early_stopping(self.settings.early_stopping, self.data)
        parts = [self.data, self.model, self.optimizer, self.scheduler, self.criterion]
        self.callback_manager.register_multiple([*parts, *self.loggers, *self.callbacks])
        self.callback_manager.register_announced()
        self.callback_manager.register(self.early_stopping)
        self.callback_manager.register(self.continue_training)

    def _build_records(self, config: dict[str, Any]) -> None:
        metrics = [metric.name for metric in self.data.metrics]
        self.history = History([*metrics, "train_loss", "dev_loss"])
        self.unscaled_scores = UnscaledScores(self.data)
        self.max_dev_metric = float(self.data.tracking_metric.starting_metric)
        self.best_iteration = 1
        self.initial_iteration = 1
        self._tested = False
        self.stop_request = StopRequest()
        self.train_timer, self.dev_timer, self.test_timer = (
            Timer(str(self.output_directory), subset) for subset in ("train", "dev", "test")
        )
        self.clock = StageClock()
        settings = self.settings
        self.train_tracker = self._tracker("train", True) if settings.save_train_outputs else None
        self.dev_tracker = self._tracker("dev", settings.save_dev_outputs)
        self.test_tracker = self._tracker("test", settings.save_test_outputs)
        self.losses = MeanLoss(self.DEVICE)
        self.loss_guard = LossGuard(
            settings.on_nonfinite,
            self.training_type,
            self.DEVICE,
            partial(self.data.places, "train"),
        )
        self.plots = Curves(
            self.output_directory, self.training_type, config.get("plotting"), self.data.metrics
        )
        self.plot_metrics = self.plots.plot_metrics

    def _needed_bytes(self) -> int:
        """About how much disk the files of this run will take."""
        settings = self.settings
        evaluations = -(-settings.iterations // settings.eval_frequency)
        saves = -(-settings.iterations // settings.save_frequency)
        kept = min(saves, settings.keep_checkpoints or saves)
        # Besides: `_initial` and `_best`, and two rolling states.
        states = (self.stateful.num_bytes(checkpoints_only=True) + 2 * BLOCK_BYTES) * (kept + 2)
        states += (self.stateful.num_bytes() + BLOCK_BYTES) * 2
        outputs = sum(
            outputs_bytes(self._rows_of_pass(subset), self.output_dim) * times
            for subset, times in (("train", evaluations), ("dev", evaluations + 1), ("test", 1))
            if getattr(settings, f"save_{subset}_outputs")
        )
        # Regression has results in the unit of the target beside the others.
        num_results = 2 if self.data.task.endswith("regression") else 1
        return states + outputs + records_bytes(evaluations, num_results=num_results)

    def _tracker(self, subset: str, export: bool) -> OutputsTracker:
        settings = self.settings
        tracker = OutputsTracker(
            export,
            subset,
            self.data,
            self.bookkeeping,
            settings.outputs_format,
            SplitSamples(self.data, subset),
        )
        rows = self._rows_of_pass(subset)
        if subset == "train" and self.training_type == "epoch":
            rows *= settings.eval_frequency
        elif subset == "train":
            rows = min(settings.batch_size, rows) * settings.eval_frequency
        tracker.reserve(rows)
        return tracker

    def _rows_of_pass(self, subset: str) -> int:
        """How many samples of a split the model sees in a pass."""
        loader = getattr(self, f"{subset}_loader")
        sampler = loader.sampler if isinstance(loader, Loader) else None
        return len(getattr(self.data, f"{subset}_dataset") if sampler is None else sampler)

    @property
    def metrics(self) -> pd.DataFrame:
        """Metrics of the evaluated iterations; after the test also the column `iteration`."""
        return self.history.frame(with_iteration=self._tested)

    def unscaled_metrics(self, iteration: int) -> dict[str, float]:
        """Dev scores of an evaluated iteration in the units of the targets, by name.

        `mae_unscaled`, with several targets `mae_unscaled.<target>`. Empty where targets are not
        scaled, and for iterations that a version trained that did not compute them.
        """
        return self.history.beside(iteration)

    def states(self) -> dict[str, Stateful]:
        """The parts whose states are saved for users, by file name."""
        return self.stateful.checkpoints()

    def _stateful_parts(self) -> StatefulParts:
        """Everything that changes while this run trains. Callbacks may replace any of it."""
        parts = StatefulParts()
        parts.add("states/model.pt", lambda: self.model, checkpoint="model.pt")
        parts.add(
            "states/optimizer.pt",
            lambda: self.optimizer,
            checkpoint="optimizer.pt",
            num_bytes=lambda: optimizer_bytes(self.optimizer),
        )
        parts.add("states/scheduler.pt", lambda: self.scheduler, checkpoint="scheduler.pt")
        parts.add("criterion", lambda: self.criterion)
        parts.add("scaler", lambda: self.precision.scaler, is_new=True)
        parts.add("loader", lambda: self.train_loader)
        parts.add("history", lambda: self.history)
        parts.add("best", lambda: StatefulValue(self._best, self._set_best))
        parts.add("timers/train_timer", lambda: self.train_timer)
        parts.add("timers/dev_timer", lambda: self.dev_timer)
        parts.add("timers/test_timer", lambda: self.test_timer)
        parts.add("timers/clock", lambda: self.clock)
        parts.add("losses", lambda: self.losses)
        parts.add("conditions", lambda: self.conditions, is_new=True)
        parts.add("stop", lambda: StatefulValue(self._stop_reason, self._stop_for), is_new=True)
        return parts

    def _stop_reason(self) -> str | None:
        return self.stop_request.reason

    def _stop_for(self, reason: Any) -> None:
        if not isinstance(reason, str | None):
            raise TypeError(f"stop is of type {type(reason).__name__}, expected str")
        if reason is not None:
            self.stop_request.make(reason)

    def _best(self) -> list[float]:
        return [self.best_iteration, self.max_dev_metric]

    def _set_best(self, best: list[Any]) -> None:
        iteration, value = best
        if self.history.iterations and iteration not in self.history.iterations:
            raise ValueError(f"{iteration} is called the best iteration, and was not evaluated")
        self.best_iteration, self.max_dev_metric = iteration, float(value)

    def close(self) -> None:
        """Release threads, processes, log files and loaders; safe to call more than once.

        Generators and settings of torch are as they were before this run was built.
        """
        names = ("plots", "train_loader", "dev_loader", "test_loader", "bookkeeping")
        for part in (*getattr(self, "loggers", ()), *(getattr(self, name, None) for name in names)):
            close = getattr(part, "close", None)
            if close is not None:
                close()
        self._lock.release()
        before, self._before = self._before, None
        if before is not None:
            before.restore()
