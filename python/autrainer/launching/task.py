"""Trains one composed configuration in the run folder that Hydra made for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.config.hydra.collector import resume_collector
from autrainer.errors import AnotherRunError, RunInUseError
from autrainer.runs.finished import is_finished
from autrainer.runs.record.run_record import RunRecord

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from autrainer.config.schema.problems import Problem
    from autrainer.config.schema.run import RunConfig

log = logging.getLogger(__name__)


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
    if config.get("plotting"):
        prepare_plots()
    with _panics_are_errors():
        trainer = _built(config, directory)
        trainer.callback_manager.register(listener)
        return float(trainer.train())


def find_problems(configs: Sequence[RunConfig]) -> list[list[Problem]]:
    """What is wrong with the classes that each of these configurations names."""
    if any(config.plotting.is_on for config in configs):
        prepare_plots()
    from autrainer.training.checks.configuration import find_problems

    resume_collector()
    return [find_problems(config) for config in configs]


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
    from autrainer.plotting.process import start_shared_renderer

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
    from autrainer.training import ModularTaskTrainer

    resume_collector()
    return ModularTaskTrainer
