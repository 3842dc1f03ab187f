"""What a search is, apart from its trials: the same in every process that works on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.config.hydra.sweep_points import Point
from autrainer.config.identity import identity
from autrainer.searching.settings import SearchSettings
from autrainer.searching.space import SearchSpace
from autrainer.searching.study import JOURNAL, SearchStudy

STUDIES = "studies"
"""Folder beside that of the runs, with a folder for each study."""


@dataclass(frozen=True)
class SearchPlan:
    """What a search is.

    Args:
        space: What it chooses from.
        settings: How it is done.
        objectives: `minimize` or `maximize` for each value of a trial, by its name.
        origin: The configuration of the trials without what is searched.
        num_evaluations: How often a run is evaluated.
        runs: Where the run folders lie.
        fails_fast: No more trials when one has failed.
        has_plots: Whether plots of the study are wanted.
    """

    space: SearchSpace
    settings: SearchSettings
    objectives: Mapping[str, Any]
    origin: Mapping[str, Any]
    num_evaluations: int
    runs: Path
    fails_fast: bool
    has_plots: bool

    @classmethod
    def of(
        cls,
        space: SearchSpace,
        settings: SearchSettings,
        objectives: Mapping[str, Any],
        probe: Point,
        runs: Path,
    ) -> SearchPlan:
        """The plan of a search of which one trial is known.

        Args:
            space: What it chooses from.
            settings: How it is done.
            objectives: The values of a trial.
            probe: Any of its trials.
            runs: Where the run folders lie.
        """
        keys = [each.key for each in space.dimensions]
        iterations, every = probe.config.get("iterations"), probe.config.get("eval_frequency")
        return cls(
            space,
            settings,
            objectives,
            without(identity(probe.config), keys),
            -(-int(iterations or 1) // int(every or 1)),
            runs,
            fails_fast=bool(probe.config.get("fail_fast")),
            has_plots=probe.run is not None and probe.run.plotting.is_on,
        )

    @property
    def folder(self) -> Path:
        """Folder of the study."""
        return self.runs.parent / STUDIES / self.settings.study_name

    @property
    def trial(self) -> dict[str, Any] | None:
        """Where a run finds its study; None if that does not prune."""
        if self.settings.pruner == "none":
            return None
        return {
            "journal": str((self.folder / JOURNAL).absolute()),
            "study": self.settings.study_name,
            "pruner": self.settings.pruner,
            "options": dict(self.settings.pruner_options or {}),
        }

    def open(self, worker: str | None = None) -> SearchStudy:
        """The study, whose folder is made.

        Args:
            worker: Name of this process as a worker of a cluster; None for a command.

        Raises:
            ConfigError: if the study that is there is another one.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        return SearchStudy(
            self.folder,
            self.settings,
            self.space,
            self.objectives,
            self.origin,
            self.num_evaluations,
            runs=self.runs,
            worker=worker,
        )


def without(config: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """A configuration without some of its keys, which may be dotted."""
    left: dict[str, Any] = {}
    for key, value in config.items():
        if key in keys:
            continue
        below = [each.partition(".")[2] for each in keys if each.startswith(f"{key}.")]
        left[key] = without(value, below) if below and isinstance(value, Mapping) else value
    return left
