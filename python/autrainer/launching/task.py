"""Trains one composed configuration in the run folder that Hydra made for it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.config.hydra.collector import resume_collector
from autrainer.config.schema.problems import refuse
from autrainer.errors import AnotherRunError, ConfigError, RunInUseError
from autrainer.fast.dataclass_methods import make_methods_as_usual
from autrainer.fast.preloading import import_meanwhile
from autrainer.runs.elsewhere import AT_WORK_ELSEWHERE, FAILED_ELSEWHERE, SharedRuns
from autrainer.runs.finished import is_finished
from autrainer.runs.process.run_process import process_of
from autrainer.runs.record.run_record import RunRecord

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from autrainer.config.hydra.sweep_points import Point
    from autrainer.config.schema.problems import Problem
    from autrainer.config.schema.run import RunConfig

log = logging.getLogger(__name__)

shared_runs: ContextVar[SharedRuns | None] = ContextVar("shared_runs", default=None)
"""Set where other commands may train runs of this sweep: runs that they hold are left to them."""


def train_composed(config: DictConfig, listener: object = None) -> float:
    """Train a configuration, within a job of Hydra.

    Args:
        config: The configuration without its `hydra` node; it is resolved.
        listener: Its hooks are called after those of all others.

    Returns:
        The best value of the tracking metric on the dev set, for sweepers that optimise it.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    directory = Path(HydraConfig.get().runtime.output_dir)
    OmegaConf.set_struct(config, False)
    OmegaConf.resolve(config)
    if is_finished(directory):
        return _skip(config, directory)
    refuse_taken(directory)
    if (together := _train_together(config, directory, listener)) is not None:
        return together
    if config.get("plotting"):
        prepare_plots()
    with _panics_are_errors():
        trainer = _built(config, directory)
        trainer.callback_manager.register(listener)
        if (trial := _trial()) is not None:
            from autrainer.callbacks.pruning import Pruning, TrialPlace

            trainer.callback_manager.register(Pruning(TrialPlace(**trial)))
        return float(trainer.train())


def _trial() -> dict[str, Any] | None:
    """Where the trial of this run is, if it is one of a search that prunes."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    place = HydraConfig.get().sweeper.get("trial")
    if place is None:
        return None
    content: Any = OmegaConf.to_container(place, resolve=False)
    return dict(content)


def find_problems(configs: Sequence[RunConfig]) -> list[list[Problem]]:
    """What is wrong with the classes that each of these configurations names."""
    if any(config.plotting.is_on and config.compute.devices == 1 for config in configs):
        prepare_plots()
    import_meanwhile()
    from autrainer.training.checks.configuration import find_problems

    _end_imports()
    return [find_problems(config) for config in configs]


def refuse_taken(directory: Path) -> None:
    """Refuse a run that another command of this sweep holds, or has tried in vain.

    Its lock alone would tell so too, but where the other one cannot be seen from here, only after
    it has shown a sign of life.

    Raises:
        RunInUseError, FailedElsewhereError: if it is refused.
    """
    shared = shared_runs.get()
    state = None if shared is None else shared.state_of(directory)
    if shared is not None and state == FAILED_ELSEWHERE:
        raise shared.failure_of(directory)
    if state == AT_WORK_ELSEWHERE:
        raise RunInUseError(f"{directory} is being trained by another command")


def _train_together(config: DictConfig, directory: Path, listener: object) -> float | None:
    """Train a run on several processes; None if it has one.

    Raises:
        ConfigError: if there cannot be so many.
    """
    devices = config.get("devices", 1)
    if devices == 1 and process_of(os.environ) is None:
        return None
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from autrainer.training.ranks.counting import num_processes, refuse_other_number
    from autrainer.training.ranks.job import Job
    from autrainer.training.ranks.torchrun import leader_here

    leader = leader_here()
    if leader is not None:
        refuse_other_number(devices, leader.process)
        return leader.train(Job.here(config, directory, trial=_trial()), listener)
    number = num_processes(str(config.get("device", "cuda:0")), devices)
    if number == 1:
        return None
    from autrainer.training.ranks.launching import train_on

    logs: Any = OmegaConf.to_container(HydraConfig.get().job_logging, resolve=True)
    return train_on(number, Job.here(config, directory, logs, _trial()))


def check_classes(
    points: Sequence[Point],
    find: Callable[[Sequence[RunConfig]], Sequence[list[Problem]]],
) -> None:
    """Refuse points whose configurations name classes that cannot be used.

    Args:
        points: The points.
        find: Finds what is wrong with each of several configurations.

    Raises:
        ConfigError: with everything that is wrong with the first of them.
    """
    read = [(point, point.run) for point in points if point.run is not None]
    for (point, _), problems in zip(read, find([config for _, config in read]), strict=True):
        try:
            refuse(problems, point.sources)
        except ConfigError as error:
            if len(points) == 1:
                raise
            raise ConfigError(f"{' '.join(point.overrides)}: {error}") from error


@contextmanager
def _panics_are_errors() -> Iterator[None]:
    """A panic of a library in Rust is no `Exception`: it would end the sweep without a word."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuntimeError(f"a library has failed: {error}") from error


def _built(config: DictConfig, directory: Path) -> Any:
    """The trainer of a run; what is wrong with it is written into its folder too."""
    make = trainer_class()
    from autrainer.runs.status import record_failure

    try:
        return make(config, str(directory))
    except (RunInUseError, AnotherRunError):
        # The folder belongs to the process that works on it, or to another run.
        raise
    except Exception as error:
        record_failure(directory, error)
        raise


def prepare_plots() -> None:
    """Let the process that draws get ready on another core while this one imports torch."""
    from autrainer.plotting.renderer import start_shared_renderer

    start_shared_renderer()


def _skip(config: DictConfig, directory: Path) -> float:
    """The result of a run that has finished before.

    Raises:
        ConfigError: if the finished run is another one.
    """
    from autrainer.config.hydra.sweep_points import refuse_other_run

    refuse_other_run(directory, config)
    log.info("Skipping: %s", directory.name)
    value = RunRecord(directory).best_value
    return float("nan") if value is None else value


def trainer_class() -> Any:
    """The trainer's class, imported when the first run needs it."""
    import_meanwhile()
    from autrainer.training import ModularTaskTrainer

    _end_imports()
    return ModularTaskTrainer


def _end_imports() -> None:
    """From here on come modules of the user, and objects that go away again."""
    make_methods_as_usual()
    resume_collector()
