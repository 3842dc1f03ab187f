"""What every logger is: hooks into a run, and four things to do with what they hear."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autrainer.config.constants import ExportConstants
from autrainer.loggers.marks import PARAMS, TEST, Marks
from autrainer.runs.layout import RESUME, UNSCALED

if TYPE_CHECKING:
    from omegaconf import DictConfig

log = logging.getLogger(__name__)

LOSSES = ("train_loss", "dev_loss")


class Metric(Protocol):
    """What loggers know of a metric."""

    name: str
    suffix: str
    starting_metric: float

    def compare(self, a: float, b: float) -> bool:
        """Whether a is strictly better than b."""


class Timed(Protocol):
    """What loggers know of a timer."""

    def get_mean_seconds(self) -> float:
        """Mean seconds of a period."""

    def pretty_time(self, seconds: float) -> str:
        """Seconds as text."""


class LoggedRun(Protocol):
    """What loggers know of a trainer."""

    output_directory: Path
    train_timer: Timed
    dev_timer: Timed
    test_timer: Timed

    @property
    def cfg(self) -> DictConfig:
        """Configuration of the run."""


class AbstractLogger(ABC):
    """Base of loggers. A run names them under `loggers` and adds the first four arguments.

    What goes wrong when training begins ends the run. What goes wrong later (a server that is down,
    a full disk) is reported once in the run's log, and training goes on without this logger.

    Args:
        exp_name: Name of the experiment.
        run_name: Name of the run.
        metrics: Metrics whose best values are logged.
        tracking_metric: The metric that decides which iteration is best.
        artifacts: Files of the run folder to log at the end; a mapping gives the file and its
            folder. By default those of `ExportConstants`.

    Attributes:
        last_iteration: The iteration that was logged last; 0 before the first.
        is_resumed: The run goes on after an interruption.
    """

    def __init__(
        self,
        exp_name: str,
        run_name: str,
        metrics: Sequence[Metric],
        tracking_metric: Metric,
        artifacts: Sequence[str | Mapping[str, str]] | None = None,
    ) -> None:
        self.exp_name = exp_name
        self.run_name = run_name
        self.metrics = list(metrics)
        self.tracking_metric = tracking_metric
        self.artifacts = list(ExportConstants().ARTIFACTS if artifacts is None else artifacts)
        self.best_metrics: dict[str, float] = {f"{name}.min": math.inf for name in LOSSES}
        self.best_metrics["best_iteration"] = 0
        for metric in self.metrics:
            self.best_metrics[_best_key(metric)] = metric.starting_metric
        self.last_iteration = 0
        self.is_resumed = False
        self._marks: Marks | None = None
        self._is_open = False
        self._has_failed = False

    @abstractmethod
    def log_params(self, params: DictConfig | dict[str, Any]) -> None:
        """Log the configuration of the run; `get_params_to_export` flattens it."""

    @abstractmethod
    def log_metrics(self, metrics: dict[str, float], iteration: int | None = None) -> None:
        """Log values, of an iteration or (best values and test results) of the whole run."""

    @abstractmethod
    def log_timers(self, timers: dict[str, str]) -> None:
        """Log mean times as `H:MM:SS`, and as percentages what the run waited for."""

    @abstractmethod
    def log_artifact(self, filename: str, path: str = "") -> None:
        """Log a file.

        Args:
            filename: Its name.
            path: The folder that holds it.
        """

    def setup(self) -> None:  # noqa: B027 (optional)
        """Get ready; called when training begins.

        In a run that goes on after an interruption `load_state_dict` has been called before, and
        `last_iteration` is the last one that this attempt will not train again.
        """

    def was_logged(self, iteration: int) -> bool:
        """Whether an attempt that was interrupted has logged an iteration that is trained again.

        A logger that can look where it logs to may do so; by default marks in the run folder tell.

        Args:
            iteration: The iteration; `PARAMS` for the configuration, `TEST` for the test results.
        """
        return self._marks is not None and iteration in self._marks

    def _is_new(self, iteration: int) -> bool:
        """Whether something is to be logged; from now on it counts as logged."""
        is_new = not self.was_logged(iteration)
        if is_new and self._marks is not None:
            self._marks.add(iteration)
        return is_new

    def state_dict(self) -> dict[str, Any]:
        """What the logger needs to go on after an interruption; subclasses may add to it."""
        return {"best_metrics": dict(self.best_metrics), "last_iteration": self.last_iteration}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state: nothing that was logged is logged again."""
        self.best_metrics = dict(state_dict["best_metrics"])
        self.last_iteration = state_dict["last_iteration"]
        self.is_resumed = True

    def end_run(self) -> None:  # noqa: B027 (optional)
        """Let go of everything; called when training has ended, also by an error."""

    def log_and_update_metrics(self, metrics: Mapping[str, float], iteration: int) -> None:
        """Log the values of an evaluated iteration, after the best values up to it.

        Args:
            metrics: Dev metrics, `train_loss` and `dev_loss`; keys with `.std` are not compared.
            iteration: The iteration.

        Raises:
            KeyError: if a value belongs to no metric of the run.
        """
        self._update_best(metrics, iteration)
        self.last_iteration = iteration
        if not self._is_new(iteration):
            return
        self._attempt(self.log_metrics, dict(self.best_metrics))
        self._attempt(self.log_metrics, dict(metrics), iteration)

    def close(self) -> None:
        """End the run if it has begun and not ended yet; may be called again."""
        if self._is_open:
            self._is_open = False
            # Also a logger that has failed has something to let go of.
            self._has_failed = False
            self._attempt(self.end_run)

    def cb_on_train_begin(self, trainer: LoggedRun) -> None:
        """Set up and log the configuration."""
        self._marks = _marks_of(self, trainer)
        self.setup()
        self._is_open = True
        if self._is_new(PARAMS):
            self.log_params(trainer.cfg)

    def cb_on_iteration_end(
        self, trainer: LoggedRun, iteration: int, metrics: dict[str, float]
    ) -> None:
        """Log the values of the iteration and the best so far, in units of the targets too."""
        in_units = getattr(trainer, "unscaled_metrics", None)
        beside = in_units(iteration) if callable(in_units) else {}
        self.log_and_update_metrics({**beside, **metrics}, iteration)

    def cb_on_test_end(self, trainer: LoggedRun, test_results: dict[str, float]) -> None:
        """Log the test results."""
        if self._is_new(TEST):
            beside = getattr(trainer, "unscaled_test", {})
            self._attempt(self.log_metrics, {**beside, **test_results})

    def cb_on_train_end(self, trainer: LoggedRun) -> None:
        """Log times and artifacts, and end."""
        timers: dict[str, Timed] = {
            "train": trainer.train_timer,
            "dev": trainer.dev_timer,
            "test": trainer.test_timer,
        }
        means = {
            f"time.{name}.mean": timer.pretty_time(timer.get_mean_seconds())
            for name, timer in timers.items()
        }
        self._attempt(self.log_timers, means | _waits(trainer))
        for artifact in self.artifacts:
            entries = {artifact: ""} if isinstance(artifact, str) else dict(artifact)
            for filename, folder in entries.items():
                self._log_file(filename, trainer.output_directory / folder)
        self.close()

    def _log_file(self, filename: str, folder: Path) -> None:
        if (folder / filename).is_file():
            self._attempt(self.log_artifact, filename, str(folder))
        else:
            log.debug("%s: there is no artifact %s", type(self).__name__, folder / filename)

    def _attempt(self, action: Callable[..., None], *args: Any) -> None:
        """Do something unless this logger has failed before; report if it fails now."""
        if self._has_failed:
            return
        try:
            action(*args)
        except Exception as error:
            self._has_failed = True
            log.warning(
                "%s failed in %s (%s: %s); training goes on without it",
                type(self).__name__,
                getattr(action, "__name__", action),
                type(error).__name__,
                error,
            )

    def _update_best(self, metrics: Mapping[str, float], iteration: int) -> None:
        known = {metric.name: metric for metric in self.metrics}
        for name, value in metrics.items():
            if ".std" in name:
                continue
            if name in LOSSES:
                if value < self.best_metrics[f"{name}.min"]:
                    self.best_metrics[f"{name}.min"] = value
                continue
            # `mae_unscaled` and `mae_unscaled.<target>` are values of the metric `mae`.
            metric = known[name.partition(UNSCALED)[0] if name not in known else name]
            key = f"{name}.{metric.suffix}"
            if metric.compare(value, self.best_metrics.setdefault(key, metric.starting_metric)):
                self.best_metrics[key] = value
                if name == self.tracking_metric.name:
                    self.best_metrics["best_iteration"] = iteration


def _marks_of(logger: AbstractLogger, trainer: LoggedRun) -> Marks | None:
    """The marks of a logger, beside the state of its run; None if the run keeps none."""
    config: Any = getattr(trainer, "config", None)
    if config is None or not config.resuming.resume:
        return None
    loggers: list[Any] = getattr(trainer, "loggers", [])
    position = loggers.index(logger) if logger in loggers else len(loggers)
    name = f"logged-{position}-{type(logger).__name__}"
    return Marks(trainer.output_directory / RESUME / name)


def _waits(trainer: LoggedRun) -> dict[str, str]:
    """The share of time of every stage; nothing of a trainer that keeps no clock."""
    clock: Any = getattr(trainer, "clock", None)
    if clock is None:
        return {}
    seconds: dict[str, float] = clock.seconds()
    total_s = sum(seconds.values()) or 1.0
    return {f"time.{stage}": f"{100 * s / total_s:.1f} %" for stage, s in seconds.items()}


def _best_key(metric: Metric) -> str:
    return f"{metric.name}.{metric.suffix}"
