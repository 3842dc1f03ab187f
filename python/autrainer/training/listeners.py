"""Objects whose hooks are called at the events of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autrainer.callbacks.dispatch import CallbackManager
from autrainer.callbacks.early_stopping import EarlyStopping
from autrainer.config.instantiate import build
from autrainer.config.locate import locate
from autrainer.config.schema.run import RunConfig
from autrainer.config.schema.sections.stopping import EarlyStoppingSection
from autrainer.config.schema.targets import Target, TargetList
from autrainer.datasets.base import AbstractDataset
from autrainer.loggers.base import AbstractLogger
from autrainer.training.build import Parts
from autrainer.training.resuming.continuing import ContinueTraining
from autrainer.training.run_folder import RunFolder

ON_ALL_RANKS = "on_all_ranks"
"""Attribute of a class of callbacks that are there in every process of a run."""


@dataclass
class Listeners:
    """What listens to a run beside the parts that it is made of.

    Args:
        loggers: Those of the configuration, in the main process of the run.
        callbacks: Those of the configuration; of several processes, the others only have those
            whose class says `on_all_ranks = True`.
        early_stopping: Ends the run early, if that is asked for.
        continue_training: Goes on from a shorter run, if that is asked for.
        absent: In other processes than the main one: loggers and callbacks as they are listed,
            None for those that are not there.
    """

    loggers: list[Any]
    callbacks: list[Any]
    early_stopping: EarlyStopping | None
    continue_training: ContinueTraining | None
    absent: list[Any] | None = None

    @property
    def listed(self) -> list[Any]:
        """Loggers and callbacks, each at the same place in all processes of the run."""
        return [*self.loggers, *self.callbacks] if self.absent is None else self.absent

    def register(self, manager: CallbackManager, parts: Parts) -> None:
        """Let them listen, after the parts of the run."""
        own = [parts.data, parts.model, parts.optimizer, parts.scheduler, parts.criterion]
        manager.register_multiple([*own, *self.loggers, *self.callbacks])
        manager.register_announced()
        manager.register(self.early_stopping)
        manager.register(self.continue_training)


def build_listeners(config: RunConfig, parts: Parts, folder: RunFolder) -> Listeners:
    """Build what the configuration lists."""
    resuming, is_main = config.resuming, parts.runtime.is_main
    loggers = []
    if is_main:
        loggers = build_loggers(config.loggers, parts.data, folder.experiment_id, folder.run_name)
    listed = [
        build(target, object) if is_main or _is_on_all_ranks(target) else None
        for target in config.callbacks.targets
    ]
    callbacks = [callback for callback in listed if is_main or callback is not None]
    absent = None if is_main else [*(None for _ in config.loggers.targets), *listed]
    continues = ContinueTraining(folder.run_name, resuming.remove_continued_runs)
    return Listeners(
        loggers,
        callbacks,
        build_early_stopping(config.stopping.early_stopping, parts.data),
        continues if resuming.continue_training else None,
        absent,
    )


def _is_on_all_ranks(target: Target) -> bool:
    return bool(getattr(locate(target.path), ON_ALL_RANKS, False))


def build_loggers(
    listed: TargetList, data: AbstractDataset, experiment_id: str, run_name: str
) -> list[Any]:
    """Build the loggers that the configuration lists."""
    return [
        build(
            target,
            AbstractLogger,
            exp_name=experiment_id,
            run_name=run_name,
            metrics=data.metrics,
            tracking_metric=data.tracking_metric,
        )
        for target in listed.targets
    ]


def build_early_stopping(
    section: EarlyStoppingSection | None, data: AbstractDataset
) -> EarlyStopping | None:
    """What ends the run early, if the configuration asks for it."""
    if section is None:
        return None
    return EarlyStopping(
        section.patience,
        section.min_delta,
        section.metric,
        metrics=data.metrics,
        tracking_metric=data.tracking_metric,
    )
