"""Who is told of the events of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autrainer.callbacks.dispatch import CallbackManager
from autrainer.callbacks.early_stopping import EarlyStopping
from autrainer.config.instantiate import instantiate_shorthand
from autrainer.datasets.base import AbstractDataset
from autrainer.loggers.base import AbstractLogger
from autrainer.training.build import Parts
from autrainer.training.checks.configuration import CheckedConfig
from autrainer.training.resuming.continuing import ContinueTraining
from autrainer.training.run_folder import RunFolder


@dataclass
class Listeners:
    """What listens to a run beside the parts that it is made of.

    Args:
        loggers: Those of the configuration.
        callbacks: Those of the configuration.
        early_stopping: Ends the run early, if that is asked for.
        continue_training: Goes on from a shorter run, if that is asked for.
    """

    loggers: list[Any]
    callbacks: list[Any]
    early_stopping: EarlyStopping | None
    continue_training: ContinueTraining | None

    def register(self, manager: CallbackManager, parts: Parts) -> None:
        """Let them listen, after the parts of the run."""
        own = [parts.data, parts.model, parts.optimizer, parts.scheduler, parts.criterion]
        manager.register_multiple([*own, *self.loggers, *self.callbacks])
        manager.register_announced()
        manager.register(self.early_stopping)
        manager.register(self.continue_training)


def build_listeners(config: CheckedConfig, parts: Parts, folder: RunFolder) -> Listeners:
    """Build what the configuration lists."""
    settings, plain = config.settings, config.copy()
    loggers = build_loggers(plain, parts.data, folder.experiment_id, folder.run_name)
    callbacks = build_callbacks(plain)
    continues = ContinueTraining(folder.run_name, settings.remove_continued_runs)
    return Listeners(
        loggers,
        callbacks,
        build_early_stopping(settings.early_stopping, parts.data),
        continues if settings.continue_training else None,
    )


def build_loggers(
    config: dict[str, Any], data: AbstractDataset, experiment_id: str, run_name: str
) -> list[Any]:
    """Build the loggers that the configuration lists."""
    return [
        instantiate_shorthand(
            entry,
            instance_of=AbstractLogger,
            exp_name=experiment_id,
            run_name=run_name,
            metrics=data.metrics,
            tracking_metric=data.tracking_metric,
        )
        for entry in config.get("loggers") or []
    ]


def build_callbacks(config: dict[str, Any]) -> list[Any]:
    """Build the callbacks that the configuration lists."""
    return [
        instantiate_shorthand(entry, instance_of=object) for entry in config.get("callbacks") or []
    ]


def build_early_stopping(
    options: Mapping[str, Any] | None, data: AbstractDataset
) -> EarlyStopping | None:
    """What ends the run early, if the configuration asks for it."""
    if options is None:
        return None
    return EarlyStopping(**options, metrics=data.metrics, tracking_metric=data.tracking_metric)
