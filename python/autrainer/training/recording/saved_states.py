"""The states that a run saves for its users: `_initial`, `_best`, and those of iterations."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from autrainer.config.schema.sections.saving import SavingSection
from autrainer.config.schema.sections.training import TrainingSection
from autrainer.engine.stateful import StatefulParts
from autrainer.runs.layout import BEST, INITIAL, MODEL_STATE, iteration_folder
from autrainer.runs.stage_clock import OUTPUTS
from autrainer.runs.state.torch_files import first_sound, read_state
from autrainer.runs.writing.files import remove_file, remove_files
from autrainer.training.recording.records import Records
from autrainer.training.resuming.checkpoints import load_part
from autrainer.training.run_folder import RunFolder

log = logging.getLogger(__name__)

SCHEDULER = "scheduler.pt"


class SavedStates:
    """Saves the states of a run where they are due, and loads them.

    Args:
        training: How the run trains.
        saving: What it saves, and how often.
        stateful: Its parts that have a state.
        records: What it has kept.
        folder: Where it takes place.
    """

    def __init__(
        self,
        training: TrainingSection,
        saving: SavingSection,
        stateful: StatefulParts,
        records: Records,
        folder: RunFolder,
    ) -> None:
        self._training, self._saving = training, saving
        self._stateful, self._records = stateful, records
        self._path, self._bookkeeping = folder.output_directory, folder.bookkeeping
        self._folder = folder
        self._removed: dict[int, bool] = {}

    def folder_of(self, iteration: int | None) -> str:
        """Name of the folder of an iteration; None stands for the state before the first."""
        if iteration is None:
            return INITIAL
        return iteration_folder(self._training.training_type, iteration)

    def is_due(self, iteration: int) -> bool:
        """Whether the states of an iteration are saved."""
        early = self._records.early_end()
        is_last = iteration == self._training.iterations
        is_due = is_last or iteration % self._saving.save_frequency == 0
        return is_due or (early is not None and early[0] == iteration)

    def save(self, folders: Sequence[str]) -> None:
        """Save the states of now in some folders of the run."""
        self._bookkeeping.save_states(self._stateful.checkpoints(), list(folders))

    def save_early_end(self) -> None:
        """Log that training has ended early, and save what a longer run can go on from."""
        early = self._records.early_end()
        if early is None:
            return
        iteration, reason = early
        kind = self._training.training_type
        log.info("Stopped after %s %d: %s", kind, iteration, reason or "as asked")
        self.save([self.folder_of(iteration)])
        self.remove_old(iteration)

    def remove_old(self, iteration: int) -> None:
        """Remove the states of old iterations if only some are kept; their results stay."""
        kept = self._saving.keep_checkpoints
        if kept is None or not self.is_due(iteration):
            return
        saved = [done for done in self._records.history.iterations if self.is_due(done)]
        averaged = self._records.averaged
        needed = frozenset() if averaged is None else averaged.needed
        for old in saved[:-kept]:
            is_needed = old in needed
            # Once each: of thousands, nearly all are gone already.
            if old != self._records.best.iteration and self._removed.get(old) != is_needed:
                self._removed[old] = is_needed
                folder = self._path / self.folder_of(old)
                names = self._besides_weights() if is_needed else self._names()
                self._bookkeeping.background.submit(remove_files, folder, names)

    def keep_averaged(self, iteration: int) -> None:
        """Keep the weights of an evaluated iteration if they may be averaged at the end.

        What has fallen out is removed when no state is left that the run could go on from.
        """
        averaged = self._records.averaged
        if averaged is None:
            return
        if iteration in averaged.ranked and not self.is_due(iteration):
            weights = {MODEL_STATE: self._stateful.checkpoints()[MODEL_STATE]}
            self._bookkeeping.save_states(weights, [self.folder_of(iteration)])
        self._forget(averaged.dropped)

    def forget_candidates(self) -> None:
        """Keep the weights alone that were averaged: the run has been trained to its end."""
        averaged = self._records.averaged
        if averaged is not None:
            self._forget(sorted(averaged.needed.difference(averaged.ranked)))

    def _forget(self, iterations: Sequence[int]) -> None:
        for iteration in iterations:
            folder = self._path / self.folder_of(iteration)
            job = _remove_lone_weights, folder, self._besides_weights()
            self._bookkeeping.background.submit(*job)

    def _names(self) -> list[str]:
        return list(self._stateful.checkpoints())

    def _besides_weights(self) -> list[str]:
        return [name for name in self._names() if name != MODEL_STATE]

    def load_best(self) -> None:
        """Give the parts the states of the best iteration; the scheduler keeps its own."""
        with self._records.clock.within(OUTPUTS):
            self._folder.wait_for_files()
        parts = {
            name: part for name, part in self._stateful.checkpoints().items() if name != SCHEDULER
        }
        best = self._records.best
        among = (BEST, self.folder_of(best.iteration if best.is_found else None))
        folder, states = first_sound([self._path / name for name in among], list(parts))
        for name, part in parts.items():
            load_part(part, states[name], folder / name)

    def load(self, folder: Path) -> None:
        """Give all parts the states of a folder.

        Raises:
            CorruptFileError: if one does not fit.
        """
        for name, part in self._stateful.checkpoints().items():
            load_part(part, read_state(folder / name), folder / name)


def _remove_lone_weights(folder: Path, others: Sequence[str]) -> None:
    """Remove the weights in a folder, unless they are part of a state that is kept anyway."""
    if not any((folder / name).exists() for name in others):
        remove_file(folder / MODEL_STATE)
