"""Composes the configurations of trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from autrainer.config.hydra.composer import Composer


class TrialComposer(Composer):
    """Composes as a sweep does, and tells each run which trial it is.

    The name of the run folder of a trial ends with the name of the study and its number, whatever
    else it is made of. Where the study prunes, `hydra.sweeper.trial` says where the run finds it.

    Args:
        loader: Hydra's loader.
        main: The main configuration with its `hydra` node.
    """

    def __init__(self, loader: Any, main: DictConfig) -> None:
        super().__init__(loader, main)
        self.study_name = ""
        self.trial: dict[str, Any] | None = None
        self._numbers: dict[tuple[str, ...], int] = {}

    def place(self, overrides: Sequence[str], number: int) -> None:
        """From here on these overrides are the trial of this number."""
        self._numbers[tuple(overrides)] = number

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """The configuration of a trial with its `hydra` node."""
        found = super().compose(overrides)
        number = self._numbers[tuple(overrides)]
        subdir = found.hydra.sweep._get_node("subdir")._value()
        with open_dict(found):
            found.hydra.sweep.subdir = f"{subdir}_{self.study_name}-{number}"
            if self.trial is not None:
                found.hydra.sweeper = OmegaConf.merge(
                    found.hydra.sweeper, {"trial": {**self.trial, "number": number}}
                )
        return found
