"""Reports evaluations to the study of a search, and ends a run that falls behind others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.callbacks.base import TrainerView
from autrainer.callbacks.study_storage import open_storage
from autrainer.errors import ConfigError, did_you_mean
from autrainer.runs.status import PRUNED

PRUNERS = {"none": "NopPruner", "median": "MedianPruner", "hyperband": "HyperbandPruner"}
"""Names in a configuration, and the classes of Optuna that they stand for."""


def build_pruner(name: str, options: Mapping[str, Any], num_evaluations: int) -> Any:
    """The pruner of this name.

    Args:
        name: One of `PRUNERS`.
        options: Arguments of its class.
        num_evaluations: How often a run that is not pruned is evaluated.

    Raises:
        ConfigError: if it does not exist, or not with these options.
    """
    from optuna import pruners

    defaults = {"max_resource": num_evaluations} if name == "hyperband" else {}
    made = class_of(pruners, "hydra.sweeper.pruner", name, PRUNERS)
    return make(made, "hydra.sweeper.pruner", name, {**defaults, **options})


def class_of(module: Any, key: str, name: str, known: Mapping[str, str]) -> Any:
    """The class that a name stands for.

    Raises:
        ConfigError: if it stands for none.
    """
    if name not in known:
        fix = did_you_mean(name, known) or f"use one of {', '.join(known)}"
        raise ConfigError(f"{key} is {name!r}; {fix}")
    return getattr(module, known[name])


def make(kind: Any, key: str, name: str, arguments: Mapping[str, Any]) -> Any:
    """An object of a class of Optuna.

    Raises:
        ConfigError: if it does not take these arguments.
    """
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{key} is {name!r}, and Optuna refuses its options: {error}") from error


@dataclass(frozen=True)
class TrialPlace:
    """Where a run finds its trial.

    Args:
        journal: The file of the study.
        study: Name of the study.
        number: Number of the trial.
        pruner: Name of the pruner.
        options: Its options.
    """

    journal: str
    study: str
    number: int
    pruner: str
    options: Mapping[str, Any]


class Pruning:
    """Reports the tracking metric of each evaluation, and stops a run that its pruner gives up.

    Steps of the study are evaluations, counted from 1. After a restart the evaluations so far are
    reported once.

    Args:
        place: Where the trial is.
    """

    def __init__(self, place: TrialPlace) -> None:
        self._place = place
        self._study: Any = None
        self._trial: Any = None

    def cb_on_train_begin(self, trainer: TrainerView) -> None:
        """Open the study."""
        import optuna

        training = trainer.config.training
        num_evaluations = -(-training.iterations // training.eval_frequency)
        place = self._place
        self._study = optuna.load_study(
            study_name=place.study,
            storage=open_storage(Path(place.journal)),
            # Values have been chosen; this only keeps it from looking at all trials for some.
            sampler=optuna.samplers.RandomSampler(0),
            pruner=build_pruner(place.pruner, place.options, num_evaluations),
        )
        found = self._study.get_trials(deepcopy=False)[place.number]
        self._trial = optuna.trial.Trial(self._study, found._trial_id)

    def cb_on_iteration_end(
        self, trainer: TrainerView, iteration: int, metrics: dict[str, float]
    ) -> None:
        """Report an evaluation, and ask the pruner."""
        name = trainer.data.tracking_metric.name
        number = self._place.number
        told = self._study.get_trials(deepcopy=False)[number].intermediate_values
        for step, value in enumerate(trainer.metrics[name].tolist(), start=1):
            if step not in told:
                self._trial.report(float(value), step)
        is_last = iteration >= trainer.cfg.iterations
        if not is_last and self._trial.should_prune():
            trainer.stop(
                f"{PRUNED} by {self._place.pruner}: {name} {metrics[name]:.4g} after iteration "
                f"{iteration} is behind other trials of {self._place.study}"
            )
