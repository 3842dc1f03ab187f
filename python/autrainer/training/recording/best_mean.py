"""The mean of the weights of the best iterations, made when a run has been trained (`swa.best`)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from autrainer.config.schema.sections.updates import SWASection
from autrainer.engine.evaluate import Evaluated
from autrainer.engine.state_mean import mean_of_states
from autrainer.errors import CorruptFileError
from autrainer.runs.layout import BEST, MODEL_STATE, SWA_STATE
from autrainer.runs.stage_clock import OUTPUTS
from autrainer.runs.state.torch_files import first_sound, read_state, write_state
from autrainer.runs.writing.outputs import OutputsTracker
from autrainer.training.build import Parts
from autrainer.training.recording.records import Records
from autrainer.training.recording.results import Results
from autrainer.training.recording.saved_states import SavedStates
from autrainer.training.resuming.checkpoints import load_part
from autrainer.training.run_folder import RunFolder

log = logging.getLogger(__name__)


class BestMean:
    """Puts the mean of the weights of the best iterations in the place of the model.

    Args:
        section: What the configuration says of it.
        parts: What the run is made of.
        records: What it has kept.
        saved: The states that it has saved.
        results: Tells what comes out.
        folder: Where the run takes place.
    """

    def __init__(
        self,
        section: SWASection,
        parts: Parts,
        records: Records,
        saved: SavedStates,
        results: Results,
        folder: RunFolder,
    ) -> None:
        self._section, self._parts, self._records = section, parts, records
        self._saved, self._results, self._folder = saved, results, folder

    def finish(self, evaluate: Callable[[OutputsTracker], Evaluated]) -> None:
        """Write the mean, let the model have it, and tell what it scores on the dev set.

        The model has the best weights, and every file of the run is on disk. Where no iteration
        had a score, nothing is changed.

        Args:
            evaluate: Evaluates the dev set.

        Raises:
            CorruptFileError: if the weights of the best iteration are damaged.
        """
        averaged = self._records.averaged
        if averaged is None:
            return
        if not averaged.ranked:
            what = f"no iteration had a score of {self._parts.data.tracking_metric.name}"
            message = f"There is no mean of the best weights: {what}"
            self._folder.bookkeeping.log(message, logging.WARNING)
            return
        path = self._folder.output_directory / BEST / SWA_STATE
        iterations: list[int] = []
        with self._records.clock.within(OUTPUTS):
            self._folder.bookkeeping.write(self._write, averaged.ranked, iterations)
            self._folder.wait_for_files()
            load_part(self._parts.model, read_state(path), path)
        evaluated = evaluate(self._records.tracker("dev", False))
        self._results.save_mean(evaluated, iterations or averaged.ranked)
        self._saved.forget_candidates()

    def _write(self, ranked: list[int], used: list[int]) -> None:
        """Write the mean; by the main process, which takes note of what it is made of."""
        root = self._folder.output_directory
        folders = [root / BEST, root / self._saved.folder_of(ranked[0])]
        _, states = first_sound(folders, [MODEL_STATE])
        used.append(ranked[0])
        mean = mean_of_states(
            states[MODEL_STATE], self._others(ranked[1:], used), self._is_averaged
        )
        write_state(mean, root / BEST / SWA_STATE)

    def _others(self, iterations: list[int], used: list[int]) -> Iterator[dict[str, Any]]:
        """The weights of some iterations; those that are damaged or missing are left out."""
        for iteration in iterations:
            path = self._folder.output_directory / self._saved.folder_of(iteration) / MODEL_STATE
            try:
                state = read_state(path)
            except (CorruptFileError, FileNotFoundError) as error:
                log.warning("The mean of the best weights is made without some: %s", error)
                continue
            used.append(iteration)
            yield state

    def _is_averaged(self, name: str) -> bool:
        if self._section.average_buffers:
            return True
        buffers = self._parts.model.named_buffers(remove_duplicate=False)
        return name not in {each for each, _ in buffers}
