"""What a run depends on beside its configuration: the samples, and what the bits depend on.

Kept in every state and, in the end, in `status.yaml`. A run that goes on with other samples is
refused; one that goes on in another environment is told so, since its bits may differ from then on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from autrainer.config.schema.sections.loaders import SUBSETS
from autrainer.config.schema.sections.saving import SavingSection
from autrainer.config.schema.sections.training import TrainingSection
from autrainer.datasets.checking.checksums import Checksums, checksums_of, differences
from autrainer.errors import ConfigError, DataError
from autrainer.runs.environment import numeric_environment
from autrainer.runs.state.resumable import ResumableState

log = logging.getLogger(__name__)


class Conditions:
    """Under what conditions a run trains, and has trained before.

    Args:
        data: The dataset.
        device: Where the model is.
        training: How the run trains.
        saving: What it saves.
        num_processes: How many processes train it together.
        strategy: How they do it: `ddp` or `fsdp`.

    Attributes:
        samples: Checksums of the samples of every split.
    """

    def __init__(
        self,
        data: Any,
        device: Any,
        training: TrainingSection,
        saving: SavingSection,
        num_processes: int = 1,
        strategy: str = "ddp",
    ) -> None:
        self.samples: Checksums = checksums_of(data)
        self._data = data
        self._device = device
        # Keys that make no other run, but other files or, by rounding, other bits.
        self._settings = {
            "processes": num_processes,
            "strategy": strategy,
            "inference_batch_size": training.inference_batch_size,
            **{f"save_{subset}_outputs": saving.saves_outputs(subset) for subset in SUBSETS},
            "outputs_format": saving.outputs_format,
        }
        self._earlier: list[dict[str, Any]] = []

    def environment(self) -> dict[str, Any]:
        """What the bits and files of this attempt depend on; asked for while the run trains."""
        return {**numeric_environment(self._device), **self._settings}

    def changed_samples(self, kept: Any) -> str:
        """What is different about the samples than in conditions that were kept; or nothing.

        Args:
            kept: What `state_dict` gave; anything else, as what earlier versions kept, tells
                nothing.
        """
        before = kept.get("samples") if isinstance(kept, Mapping) else None
        if not isinstance(before, Mapping):
            return ""
        changes = differences(before, self.samples)
        return "; ".join(f"{self._data._listing_of(subset)}: {what}" for subset, what in changes)

    def state_dict(self) -> dict[str, Any]:
        """The samples, and the environments that the run was in, without repetitions."""
        now = self.environment()
        repeated = bool(self._earlier) and self._earlier[-1] == now
        environments = self._earlier if repeated else [*self._earlier, now]
        return {"samples": self.samples, "environments": environments}

    def load_state_dict(self, kept: Mapping[str, Any]) -> None:
        """Go on; warn if this is another environment than the one before.

        Raises:
            TypeError: if these are no conditions.
        """
        environments = kept["environments"]
        if not all(isinstance(environment, dict) for environment in environments):
            raise TypeError("expected environments, found something else")
        self._earlier = list(environments)
        before, now = (self._earlier or [{}])[-1], self.environment()
        changes = [
            f"{name} was {before[name]}, now {value}"
            for name, value in now.items()
            if before.get(name, value) != value
        ]
        if changes:
            log.warning(
                "This run goes on under other conditions (%s); it may end with other bits or files "
                "than if it had been left alone",
                "; ".join(changes),
            )


class InterruptedRun(Protocol):
    """What is asked of a run that would go on from a state."""

    conditions: Conditions
    train_tracker: Any
    training_type: str


def refuse_changes(found: ResumableState, run: InterruptedRun, folder: Path) -> None:
    """Refuse to go on from a state where the run cannot become what it was to be.

    Args:
        found: The state.
        run: The run that would go on.
        folder: Where states are kept.

    Raises:
        DataError: if the samples are not those that the run was interrupted with.
        ConfigError: if outputs of training are to be saved, and some have not been kept.
    """
    changed = run.conditions.changed_samples(found.tree.get("conditions"))
    if changed:
        raise DataError(
            f"{changed}. The run in {folder.parent} was interrupted with other samples: restore "
            f"them, or remove {folder} to start it anew"
        )
    iteration = _period_in_progress(found.tree)
    if run.train_tracker is not None and iteration is not None and not found.row_files:
        raise ConfigError(
            f"save_train_outputs is true, but the run in {folder.parent} was interrupted with "
            f"false, in the middle of the evaluation period of {run.training_type} "
            f"{iteration}: the outputs of what it was trained on there are gone; go on with "
            f"save_train_outputs=false, or remove {folder} to start it anew"
        )


def _period_in_progress(tree: Mapping[str, Any]) -> int | None:
    """An iteration of the evaluation period that a state has trained on in part, if there is one.

    What is no state of a run is refused later, when its parts are restored.
    """
    position, losses = tree.get("position"), tree.get("losses")
    if not isinstance(position, Mapping) or not isinstance(losses, Mapping):
        return None
    count, iteration = losses.get("count"), position.get("iteration")
    is_within = position.get("is_within") is True and type(count) is int and count > 0
    return iteration if is_within and type(iteration) is int else None
