"""Going on from a shorter run of the same configuration instead of starting again."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from autrainer.callbacks.dispatch import CallbackMixin
from autrainer.errors import CorruptFileError, RunInUseError
from autrainer.runs.finished import check_table
from autrainer.runs.layout import (
    BEST,
    INITIAL,
    MEAN_FILES,
    STATUS_FILE,
    TABLE,
    TIMES_FILE,
    UNSCALED_TABLE,
    iteration_folder,
    misplaced,
)
from autrainer.runs.process.ending_runs import settle_runs
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.state.torch_files import first_sound
from autrainer.runs.writing.files import remove_files
from autrainer.runs.writing.folders import copy_folder, remove_half_removed, remove_run
from autrainer.training.recording.history import History
from autrainer.training.resuming.checkpoints import fitting
from autrainer.training.resuming.run_views import ContinuingRun
from autrainer.training.resuming.shorter_runs import FinishedRun, as_shorter_run, held, shorter_runs

log = logging.getLogger(__name__)


_UNUSABLE = (CorruptFileError, FileNotFoundError)


@dataclass(frozen=True)
class Start:
    """Where in a finished run another one can begin.

    Args:
        run: The finished run.
        history: Its metrics, up to the iteration whose states are taken over.
        best: Its folder with the best states up to there.
    """

    run: FinishedRun
    history: History
    best: str


class ContinueTraining:
    """Lets a run begin where a shorter one ended, and removes that one once this one has ended.

    Args:
        run_name: Name of the run that is about to train.
        remove_continued_runs: Delete the shorter run at the end; files in it that are not those of
            a run are moved into the folder of this one.
    """

    def __init__(self, run_name: str, remove_continued_runs: bool = False) -> None:
        self.run_name = run_name
        self.remove_continued_runs = remove_continued_runs
        self.continued: FinishedRun | None = None

    @CallbackMixin.order(100)
    def cb_on_train_begin(self, trainer: ContinuingRun) -> None:
        """Take over states, metrics and times of the longest shorter run, if there is one.

        Raises:
            FileNotFoundError: if there are runs, but all of them lack states.
            CorruptFileError: if there are runs, but none with states that are sound.
            RunInUseError: if others have been copying or removing one for too long.
        """
        if trainer.resumption.is_resumed:
            return
        if trainer.runtime.is_main:
            self._continue(trainer)
        else:
            self._follow(trainer)

    def _follow(self, trainer: ContinuingRun) -> None:
        """Take over, in another process, what the main one copies into the run folder."""
        while (told := trainer.runtime.gather(None)[0]) is not None:
            try:
                self._restore_together(trainer, *told)
                return
            except _UNUSABLE:
                # The main process looks for another one.
                continue

    def _continue(self, trainer: ContinuingRun) -> None:
        folder, trouble = trainer.output_directory, None
        # One of them may have trained a moment ago.
        settle_runs()
        remove_half_removed(folder.parent)
        for run in shorter_runs(folder.parent, trainer.run_config, besides=folder):
            conditions = RunRecord(run.path).status.get("conditions")
            if changed := trainer.conditions.changed_samples(conditions):
                log.warning("%s is passed over, its samples were others: %s", run.path, changed)
                continue
            try:
                with held(run.path, trainer.resumption.leave_if_asked):
                    self._take_over(_start_of(run, trainer), trainer)
                return
            except _UNUSABLE as error:
                if run.path.is_dir():
                    log.warning("%s cannot be gone on from: %s", run.path, error)
                    trouble = trouble or error
        if trouble is not None:
            raise trouble
        trainer.runtime.gather(None)

    def _take_over(self, start: Start, trainer: ContinuingRun) -> None:
        path, done, target = start.run.path, start.history.iterations, trainer.output_directory
        log.info("Continuing %s from its iteration %d", path.name, done[-1])
        # The initial states are being written into the folders that are replaced now.
        trainer.bookkeeping.background.join()
        folders = [trainer.folder_of(iteration) for iteration in done]
        for folder in (INITIAL, *folders):
            if (path / folder).is_dir():
                copy_folder(path / folder, target / folder)
        copy_folder(path / start.best, target / BEST, without="train_*")
        first_sound([target / BEST], list(trainer.states()))
        # Of the shorter run; the longer one makes its own at its end.
        remove_files(target / BEST, [each for each in MEAN_FILES if each not in trainer.states()])
        trainer.runtime.gather((start, folders[-1]))
        self._restore_together(trainer, start, folders[-1])

    def _restore_together(self, trainer: ContinuingRun, start: Start, folder: str) -> None:
        """Take over what has been copied, in all processes, or in none of them.

        All of them do it at once: what a divided model holds is known to all of them together.

        Raises:
            CorruptFileError: or
            FileNotFoundError: if it does not fit the run, here or in another process.
        """
        trouble: CorruptFileError | FileNotFoundError | None = None
        try:
            self._restore(trainer, start, folder)
        except _UNUSABLE as error:
            trouble = error
        if any(trainer.runtime.gather(trouble is not None)):
            raise trouble or CorruptFileError(f"{start.run.path} fits not all processes")

    def _restore(self, trainer: ContinuingRun, start: Start, folder: str) -> None:
        path = start.run.path
        trainer.restore(start.history, path / TIMES_FILE, trainer.output_directory / folder)
        conditions = RunRecord(path).status.get("conditions")
        if conditions is not None:
            with fitting(str(path / STATUS_FILE)):
                trainer.conditions.load_state_dict(conditions)
        self.continued = start.run

    def state_dict(self) -> dict[str, Any]:
        """Which run was continued; its name, since a project may be moved or copied meanwhile."""
        run = self.continued
        return {} if run is None else {"name": run.path.name, "iterations": run.iterations}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Remember which run was continued; the folder that earlier versions kept is not looked at.

        Raises:
            KeyError: if the state is none of this class.
            TypeError: if its values are not what they have to be.
        """
        if state_dict:
            name = PurePath(state_dict["name"] if "name" in state_dict else state_dict["path"]).name
            self.continued = FinishedRun(Path(name), int(state_dict["iterations"]))

    @CallbackMixin.order(100)
    def cb_on_train_end(self, trainer: ContinuingRun) -> None:
        """Delete the shorter run: everything it held is in the longer one, which is on disk.

        Only what lies beside this run, has finished and is the same run but shorter is deleted.
        Where that cannot be done, this is told, and the longer run has finished all the same.
        """
        is_asked = self.remove_continued_runs and trainer.runtime.is_main
        if self.continued is None or not is_asked:
            return
        path = trainer.output_directory.parent / self.continued.path.name
        if path == trainer.output_directory or not path.is_dir():
            return
        try:
            self._remove(path, trainer)
        except (RunInUseError, OSError, CorruptFileError) as error:
            log.warning("%s , which this run went on from, is kept: %s", path, error)

    def _remove(self, path: Path, trainer: ContinuingRun) -> None:
        assert self.continued is not None
        with held(path, trainer.resumption.leave_if_asked):
            run = as_shorter_run(path, trainer.run_config)
            is_sure = run is not None and run.iterations == self.continued.iterations
            if not is_sure or path.is_symlink():
                raise CorruptFileError(
                    f"expected the finished run of {self.continued.iterations} iterations that "
                    "this one went on from, found another folder"
                )
            remove_run(path, trainer.output_directory)
        log.info("Removed %s, which this run went on from", path.name)


def _start_of(run: FinishedRun, trainer: ContinuingRun) -> Start:
    found = misplaced(run.path)
    if found:
        raise CorruptFileError(f"{'; '.join(found)}: expected files and folders, and no links")
    check_table(run.path)
    whole = History(trainer.history.columns)
    whole.load_csv(run.path / TABLE)
    if (run.path / UNSCALED_TABLE).is_file():
        whole.load_csv(run.path / UNSCALED_TABLE, beside=True)
    if not whole.iterations:
        raise CorruptFileError(f"{run.path / TABLE}: expected a row of metrics, found none")
    names = list(trainer.states())
    trouble: Exception | None = None
    for iteration in reversed(whole.iterations):
        history = whole.until(iteration)
        try:
            first_sound([run.path / iteration_folder(trainer.training_type, iteration)], names)
            best, _states = first_sound(_best_folders(run, whole, history, trainer), names)
            return Start(run, history, best.name)
        except (CorruptFileError, FileNotFoundError) as error:
            trouble = trouble or error
            # Not every evaluated iteration has states.
            level = logging.WARNING if isinstance(error, CorruptFileError) else logging.DEBUG
            log.log(level, "Iteration %d is passed over: %s", iteration, error)
    assert trouble is not None
    way_out = f"remove the folder {run.path} or set continue_training: false to start anew"
    raise type(trouble)(f"{trouble}; the run cannot be gone on from; {way_out}") from trouble


def _best_folders(
    run: FinishedRun, whole: History, history: History, trainer: ContinuingRun
) -> Iterator[Path]:
    """Folders that hold the best state up to the end of a history."""
    best = trainer.best_in(history)
    if best == trainer.best_in(whole):
        yield run.path / BEST
    yield run.path / trainer.folder_of(best)
