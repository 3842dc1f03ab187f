"""How a search is done: the keys of `hydra.sweeper`, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autrainer.callbacks.pruning import PRUNERS
from autrainer.errors import ConfigError, did_you_mean

SAMPLERS = {"tpe": "TPESampler", "cmaes": "CmaEsSampler", "random": "RandomSampler"}
"""Names in a configuration, and the classes of Optuna that they stand for."""
GRID = "grid"
MINIMIZE, MAXIMIZE = "minimize", "maximize"
DIRECTIONS = {"min": MINIMIZE, "max": MAXIMIZE}
DEFAULT_TRIALS = 20

_NAME = re.compile(r"[\w.-]*\w")


@dataclass(frozen=True)
class SearchSettings:
    """How a search is done.

    Args:
        n_trials: Trials that the study is to have; None for 20, or the whole grid.
        sampler: What proposes values: `tpe`, `cmaes`, `random` or `grid`.
        sampler_options: Arguments of the sampler's class in Optuna.
        seed: Seed of the sampler.
        direction: `minimize` or `maximize`; None for that of the tracking metric.
        objectives: What is searched for instead of the tracking metric alone: `minimize` or
            `maximize` by the name of a metric, `dev_loss`, or a count of the model's summary.
        pruner: What ends runs that fall behind: `median`, `hyperband` or `none`.
        pruner_options: Arguments of the pruner's class in Optuna.
        study_name: Name of the study and of its folder.

    Raises:
        ConfigError: naming the key that means nothing.
    """

    n_trials: int | None = None
    sampler: str = "tpe"
    sampler_options: Mapping[str, Any] | None = None
    seed: int = 1
    direction: str | None = None
    objectives: Mapping[str, Any] | None = None
    pruner: str = "none"
    pruner_options: Mapping[str, Any] | None = None
    study_name: str = "search"

    def __post_init__(self) -> None:
        if self.n_trials is not None and not _is_whole(self.n_trials, 1):
            raise ConfigError(
                f"hydra.sweeper.n_trials is {self.n_trials!r}; use a whole number from 1, or null"
            )
        if not _is_whole(self.seed, 0):
            raise ConfigError(f"hydra.sweeper.seed is {self.seed!r}; use a whole number from 0")
        _known("sampler", self.sampler, [*SAMPLERS, GRID])
        _known("pruner", self.pruner, PRUNERS)
        if self.direction is not None:
            _known("direction", self.direction, DIRECTIONS.values())
        if self.objectives is not None:
            self._check_objectives(self.objectives)
        for name in ("sampler_options", "pruner_options"):
            options = getattr(self, name)
            if options is not None and not isinstance(options, Mapping):
                raise ConfigError(
                    f"hydra.sweeper.{name} is {options!r}; use a mapping of arguments to values"
                )
        if not isinstance(self.study_name, str) or not _NAME.fullmatch(self.study_name):
            raise ConfigError(
                f"hydra.sweeper.study_name is {self.study_name!r}; it names a folder: use letters, "
                "digits, '-', '_' and '.'"
            )

    def _check_objectives(self, objectives: object) -> None:
        key = "hydra.sweeper.objectives"
        if not isinstance(objectives, Mapping) or len(objectives) < 2:
            raise ConfigError(
                f"{key} is {objectives!r}; use a mapping of two or more names to minimize or "
                "maximize, such as {uar: maximize, total_params: minimize}"
            )
        for name, direction in objectives.items():
            _known(f"objectives.{name}", direction, DIRECTIONS.values())
        for name, value in {"direction": self.direction, "pruner": self.pruner}.items():
            if value not in (None, "none"):
                raise ConfigError(
                    f"hydra.sweeper.{name} is {value!r} beside objectives; remove one of them: "
                    "of several values none alone tells which trial is better"
                )
        if self.sampler == "cmaes":
            raise ConfigError(
                "hydra.sweeper.sampler is 'cmaes', which has one objective; use tpe, random or grid"
            )


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _known(key: str, name: object, options: Any) -> None:
    if name not in list(options):
        told = f"use one of {', '.join(options)}"
        raise ConfigError(
            f"hydra.sweeper.{key} is {name!r}; {did_you_mean(str(name), options) or told}"
        )
