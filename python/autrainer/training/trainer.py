"""`ModularTaskTrainer`: trains what a configuration names, and leaves a run folder."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from autrainer.callbacks.dispatch import CallbackManager
from autrainer.engine.interfaces import (
    Batch,
    Batches,
    Criterion,
    Probabilities,
    Result,
    StepFunction,
)
from autrainer.engine.loop import EpochLoop, Position, StepLoop
from autrainer.engine.runtime import Runtime, main_first
from autrainer.engine.step import Hooks, TrainingStep
from autrainer.engine.threads import intra_op_threads
from autrainer.engine.unscaled import interleaved
from autrainer.errors import AutrainerError, ConfigError, RunInterruptedError
from autrainer.models.base import AbstractModel
from autrainer.runs.environment import set_device
from autrainer.runs.layout import BEST, INITIAL, TABLE, TEST, TEST_RESULTS
from autrainer.runs.process.communicator import ALONE, Communicator
from autrainer.runs.process.global_state import GlobalState
from autrainer.runs.process.signals import SAME_REQUEST_S, requests_handled
from autrainer.runs.process.time_limit import deadline_s
from autrainer.runs.random.seeding import set_reproducibility, set_seed
from autrainer.runs.state.disk_space import warn_if_full
from autrainer.runs.state.torch_files import Stateful
from autrainer.runs.writing.files import remove_file
from autrainer.runs.writing.outputs import OutputsTracker
from autrainer.training.attempt import attempt
from autrainer.training.build import build_parts, build_sharding, compile_parts
from autrainer.training.checks.conditions import Conditions, refuse_changes
from autrainer.training.checks.configuration import checked
from autrainer.training.checks.processes import refuse_mixed
from autrainer.training.checks.trial import tried
from autrainer.training.ending import Ending
from autrainer.training.evaluation import Evaluation
from autrainer.training.forwarding import Forwarded
from autrainer.training.listeners import build_listeners
from autrainer.training.period import EvaluationPeriod
from autrainer.training.ranks.counting import device_of
from autrainer.training.recording.best_mean import BestMean
from autrainer.training.recording.history import History
from autrainer.training.recording.records import Records
from autrainer.training.recording.registry import needed_bytes, stateful_parts
from autrainer.training.recording.reproduction import record_environment, record_objects
from autrainer.training.recording.results import Results
from autrainer.training.recording.saved_states import SavedStates
from autrainer.training.resuming.resumption import Resumption
from autrainer.training.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


class ModularTaskTrainer:
    """Trains what a configuration describes.

    It puts the parts of a run together and hands on what users ask of them: `folder`, `parts`,
    `listeners`, `records`, `saved`, `results`, `resumption`.

    Args:
        cfg: Resolved configuration; it is left as it is.
        output_directory: The run folder.
        experiment_id: Name of the experiment for loggers; by default that of the folder two
            levels above the run folder.
        run_name: Name of the run for loggers; by default that of the run folder.
        communicator: Joins the processes that train this run together; by default there is one.

    Raises:
        ConfigError: if the configuration cannot be trained, with every reason; nothing has been
            built or written then.

    Attributes:
        config: The configuration, read into sections (`RunConfig`).
        cfg: The same as an object of OmegaConf, with the dataset's `criterion` moved to the top
            level.
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

    cfg, run_config = Forwarded("config"), Forwarded("config", "plain")
    training_type = Forwarded("config.training")
    output_directory, bookkeeping = Forwarded("folder"), Forwarded("folder")
    experiment_id, run_name = Forwarded("folder"), Forwarded("folder")
    DEVICE, output_dim = Forwarded("parts", "device"), Forwarded("parts.data")
    runtime = Forwarded("parts")
    data, model, criterion = Forwarded("parts"), Forwarded("parts"), Forwarded("parts")
    optimizer, update, precision = Forwarded("parts"), Forwarded("parts"), Forwarded("parts")
    average = Forwarded("parts")
    scheduler, scheduler_frequency = Forwarded("parts"), Forwarded("parts.schedule", "frequency")
    train_loader, dev_loader = Forwarded("parts"), Forwarded("parts")
    test_loader = Forwarded("parts")
    loggers, callbacks = Forwarded("listeners"), Forwarded("listeners")
    continue_training, early_stopping = Forwarded("listeners"), Forwarded("listeners")
    history, metrics, clock = Forwarded("records"), Forwarded("records"), Forwarded("records")
    best_iteration = Forwarded("records.best", "iteration")
    max_dev_metric = Forwarded("records.best", "value")
    initial_iteration, losses = Forwarded("records"), Forwarded("records")
    train_timer, dev_timer = Forwarded("records"), Forwarded("records")
    test_timer, train_tracker = Forwarded("records"), Forwarded("records")
    dev_tracker, test_tracker = Forwarded("records"), Forwarded("records")
    plot_metrics = Forwarded("records.plots")
    unscaled_test = Forwarded("results")
    fit, sample_shape, mult_adds = Forwarded("trial"), Forwarded("trial"), Forwarded("trial")

    def __init__(
        self,
        cfg: DictConfig | Mapping[str, Any],
        output_directory: str | Path,
        experiment_id: str | None = None,
        run_name: str | None = None,
        communicator: Communicator = ALONE,
    ) -> None:
        self._before: GlobalState | None = GlobalState.now()
        self.config = checked(cfg)
        self.folder = RunFolder(
            output_directory, self.config, experiment_id, run_name, communicator
        )
        self.callback_manager = CallbackManager()
        self.hooks = Hooks(self.callback_manager, self, self.bookkeeping.background.check)
        self.train_step_fn: StepFunction = self._train_step
        self._is_trained = False
        self._resumed_at: Position | None = None
        try:
            self._build(communicator)
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _build(self, communicator: Communicator) -> None:
        """Build what the configuration describes, and who listens to it."""
        config = self.config
        set_seed(config.seeds.training)
        set_reproducibility(config.compute.reproducible, config.updates.matmul_precision)
        device = device_of(config.compute.device, communicator.process)
        runtime = Runtime(set_device(device), communicator)
        refuse_mixed(runtime)
        record_environment(self.bookkeeping)
        with self.callback_manager.building():
            sharding = build_sharding(config.compute, runtime)
            with main_first(runtime):
                self.parts = build_parts(config, runtime, sharding)
            self.listeners = build_listeners(config, self.parts, self.folder)
            self.listeners.register(self.callback_manager, self.parts)
        self.records = Records(config, self.parts, self.folder)
        self.ending = Ending(
            self.folder, self.records, self.callback_manager, self.continue_training
        )
        self.conditions = Conditions(
            self.data,
            runtime.device,
            config.training,
            config.saving,
            runtime.world_size,
            "ddp" if sharding is None else "fsdp",
        )
        _refuse_own_step(type(self), runtime)
        if callable(getattr(self.optimizer, "custom_step", None)):
            self.train_step_fn = self.update.step

    def _prepare(self) -> None:
        """Look whether everything fits, and write down where the run begins."""
        config, folder = self.config, self.folder
        training, saving, resuming = config.training, config.saving, config.resuming
        if folder.found is not None:
            refuse_changes(folder.found, self, folder.states.folder)
        self.stateful = stateful_parts(self.parts, self.records, self.conditions)
        self.saved = SavedStates(training, saving, self.stateful, self.records, folder)
        self.results = Results(training, self.parts, self.records, folder)
        self.trial = tried(config, self.parts, folder.bookkeeping)
        compile_parts(config.compute.compile, self.parts, self.clock)
        record_objects(folder.bookkeeping, self.model, self.data)
        self.resumption = Resumption(self, folder.states, folder.found, resuming.resume_every)
        num_bytes = needed_bytes(config, self.parts, self.stateful)
        warn_if_full(folder.output_directory, num_bytes)
        if folder.found is None:
            self.saved.save([INITIAL, BEST])

    @property
    def disable_progress_bar(self) -> bool:
        """Whether no bars are shown: of several processes, the main one has them."""
        return not (self.config.training.progress_bar and self.runtime.is_main)

    @property
    def is_stopping(self) -> bool:
        """Whether training is to end with the iteration in progress, or the one just ended."""
        return self.records.stop_request.is_made

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
        if not self.folder.is_held:
            raise AutrainerError("this trainer has been closed; build a new one to train")
        self._is_trained = True
        deadline = deadline_s(self.config.stopping.max_duration)
        # Several processes act together, so that each is asked once, whenever that arrives.
        again_s = SAME_REQUEST_S if self.runtime.process.is_alone else math.inf
        with requests_handled(again_s, deadline) as requests, requests.prevailing():
            value = attempt(self, requests, self._train)
        if requests.stop is not None:
            # Asked for when nobody looked any more: this run has ended, but a sweep would go on.
            raise RunInterruptedError(requests.stop, saved=True)
        return value

    def stop(self, reason: str = "") -> None:
        """End training with the iteration in progress; callbacks may call this in any hook.

        The epoch or step is finished and evaluated, its states are saved, the best state is
        tested, and the run counts as finished: `status.yaml` says `stopped`, with the reason. From
        `cb_on_train_begin` it trains one iteration. After the last iteration it changes nothing.

        Args:
            reason: Why, for the log and `status.yaml`; the first one counts.
        """
        self.records.stop_request.make(str(reason))

    def threads(self) -> AbstractContextManager[None]:
        """Within the block torch uses as many intra-op threads as this run trains with."""
        return intra_op_threads(self.mult_adds, self.config.training.batch_size, self.DEVICE)

    def _train(self) -> float:
        # What an earlier attempt left must not make this one look finished if it fails.
        self.bookkeeping.write(remove_file, self.output_directory / TABLE)
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
        self.saved.save_early_end()
        self.records.plots.draw(self.history)
        self.saved.load_best()
        self._average_best()
        results = self._test()
        self.results.write_all(results, waits_for_plots=not self.ending.comes_later)
        self.hooks.fire("cb_on_train_end")
        value: float = self.history.row(self.best_iteration)[self.data.tracking_metric.name]
        return value

    def train_epochs(self) -> None:
        """Train by epoch from the initial to the last iteration."""
        self._train_by(EpochLoop)

    def train_steps(self) -> None:
        """Train by step from the initial to the last iteration."""
        self._train_by(StepLoop)

    def _train_by(self, kind: type[EpochLoop] | type[StepLoop]) -> None:
        training = self.config.training
        loop = kind(
            self.train_loader,
            self.training_step(),
            self.period(),
            self.hooks,
            eval_frequency=training.eval_frequency,
            show_progress=not self.disable_progress_bar,
            device=self.DEVICE,
            clock=self.clock,
            saver=self.resumption,
        )
        loop.run(self.initial_iteration, training.iterations, self._resumed_at)

    def period(self) -> EvaluationPeriod:
        """What surrounds the training between two evaluations."""
        return EvaluationPeriod(
            self.parts,
            self.records,
            self.bookkeeping,
            hooks=self.hooks,
            evaluate=lambda iteration, folder: self.evaluate(iteration, folder, self.dev_loader),
            folder_of=self.folder_of,
            seed=self.config.seeds.training,
            may_skip=self.config.updates.on_nonfinite == "skip",
        )

    def training_step(self) -> TrainingStep:
        """What happens to one training batch, ready to be called."""
        is_shared = not self.runtime.process.is_alone
        return TrainingStep(
            self.train_step_fn,
            model=self.model,
            criterion=self.criterion,
            probabilities_fn=self.data.target_transform.probabilities_training,
            move=self.parts.mover("train"),
            hooks=self.hooks,
            losses=self.losses,
            tracker=self.train_tracker,
            after_update=self.parts.after_update,
            check=self.bookkeeping.background.check,
            guard=self.records.loss_guard,
            clock=self.clock,
            join=(lambda: self.update.join(self.model, self.criterion)) if is_shared else None,
            mean_loss=(lambda: self.update.mean_loss) if is_shared else None,
        )

    def _train_step(
        self,
        model: AbstractModel,
        data: Batch,
        criterion: Criterion,
        probabilities_fn: Probabilities,
    ) -> Result:
        """Forward, backward and update on one batch; override it to train in another way."""
        return self.parts.update.step(model, data, criterion, probabilities_fn)

    def evaluate(
        self,
        iteration: int,
        iteration_folder: str,
        loader: Batches,
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
        evaluation = self._evaluation(self.hooks)
        if tracker is None:
            tracker = self.dev_tracker if dev_evaluation else self.test_tracker
        if not dev_evaluation:
            return evaluation.test(iteration_folder, loader, save_to, tracker)
        evaluation.dev(iteration, iteration_folder, loader, save_to, tracker)
        return None

    def _evaluation(self, hooks: Hooks) -> Evaluation:
        return Evaluation(
            self.parts,
            self.records,
            results=self.results,
            saved=self.saved,
            hooks=hooks,
            check=self._check_evaluation,
            show_progress=not self.disable_progress_bar,
        )

    def _average_best(self) -> None:
        """Let the model have the mean of the best weights, if the configuration asks for it."""
        section = self.config.updates.swa
        if section is None or section.best is None:
            return
        # It belongs to no iteration: whoever listens to evaluations does not hear of it.
        evaluation = self._evaluation(Hooks(CallbackManager(), self))
        mean = BestMean(section, self.parts, self.records, self.saved, self.results, self.folder)
        mean.finish(lambda tracker: evaluation.evaluated(self.dev_loader, "dev", tracker, BEST))

    def _check_evaluation(self) -> None:
        self.bookkeeping.background.check()
        self.resumption.leave_together()

    def _test(self) -> dict[str, float]:
        self.bookkeeping.create_folder(TEST)
        self.test_timer.start()
        results = self.evaluate(
            -1, TEST, self.test_loader, dev_evaluation=False, save_to=TEST_RESULTS
        )
        self.test_timer.stop()
        self.records.is_tested = True
        self.hooks.fire("cb_on_test_end", test_results=dict(results or {}))
        return results or {}

    def unscaled_metrics(self, iteration: int) -> dict[str, float]:
        """Dev scores of an evaluated iteration in the units of the targets, by name.

        `mae_unscaled`, with several targets `mae_unscaled.<target>`. Empty where targets are not
        scaled, and for iterations that a version trained that did not compute them.
        """
        return self.records.history.beside(iteration)

    def states(self) -> dict[str, Stateful]:
        """The parts whose states are saved for users, by file name."""
        return self.stateful.checkpoints()

    def folder_of(self, iteration: int | None) -> str:
        """Name of the folder of an iteration; None stands for the state before the first."""
        return self.saved.folder_of(iteration)

    def best_in(self, history: History) -> int | None:
        """The best iteration of a history, or None if the metric was defined in none."""
        return self.records.best.of(history)

    def restore(self, history: History, timers: Path, states: Path) -> None:
        """Go on from another run's metrics, times and states.

        Args:
            history: Its metrics.
            timers: Its `timer.yaml`; what it waited for is told beside it.
            states: Folder with the states of its last iteration.
        """
        self.records.restore(history, timers)
        self.saved.load(states)
        if self.parts.average is not None:
            per_iteration = 1 if self.training_type == "step" else len(self.train_loader)
            self.parts.average.restart(history.iterations[-1] * per_iteration)
        if hasattr(self.train_loader, "start_at"):
            per_pass = len(self.train_loader) if self.training_type == "step" else 1
            self.train_loader.start_at(*divmod(history.iterations[-1], per_pass))
        for logger in self.loggers:
            for iteration in history.iterations:
                row = interleaved(history.row(iteration), history.beside(iteration))
                logger.log_and_update_metrics(row, iteration)

    def close(self) -> None:
        """Release threads, processes, log files and loaders; safe to call more than once.

        Generators and settings of torch are as they were before this run was built.
        """
        loggers = self.loggers if hasattr(self, "listeners") else []
        names = ("train_loader", "dev_loader", "test_loader")
        loaders = [getattr(self, name) for name in names if hasattr(self, "parts")]
        last = self.ending if hasattr(self, "ending") else self.folder
        for part in (*loggers, *loaders, last):
            close = getattr(part, "close", None)
            if close is not None:
                close()
        before, self._before = self._before, None
        if before is not None:
            before.restore()


def _refuse_own_step(kind: type[ModularTaskTrainer], runtime: Runtime) -> None:
    is_own = kind._train_step is not ModularTaskTrainer._train_step
    if is_own and not runtime.process.is_alone:
        raise ConfigError(
            f"{kind.__name__} has a _train_step of its own, which {runtime.world_size} processes "
            "cannot share; use devices: 1"
        )
