"""Going on from a shorter run of the same configuration instead of starting again."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.callbacks.dispatch import CallbackMixin
from autrainer.config.identity import same_but_iterations
from autrainer.errors import CorruptFileError
from autrainer.runs.files import copy_folder, read_yaml, unwritable
from autrainer.runs.finished import TABLE, check_table, is_finished, stopped_at
from autrainer.runs.states import first_sound
from autrainer.training.history import History

log = logging.getLogger(__name__)

REMOVING = ".removing"
CONFIG = Path(".hydra") / "config.yaml"


@dataclass(frozen=True)
class FinishedRun:
    """A finished run that another one can go on from.

    Args:
        path: Its folder.
        iterations: How many iterations it trained.
    """

    path: Path
    iterations: int


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


def shorter_runs(runs_dir: Path, config: Mapping[str, Any], *, besides: Path) -> list[FinishedRun]:
    """Finished runs of the same configuration with fewer iterations, the longest first.

    Folders are told by the configuration inside them, never by their names.

    Args:
        runs_dir: Folder whose folders are runs.
        config: Configuration of the run that wants to go on.
        besides: Its own folder.
    """
    found = [
        run
        for path in sorted(runs_dir.iterdir())
        if path.is_dir() and path != besides and is_finished(path)
        if (run := _as_shorter_run(path, config)) is not None
    ]
    return sorted(found, key=lambda run: run.iterations, reverse=True)


def _as_shorter_run(path: Path, config: Mapping[str, Any]) -> FinishedRun | None:
    try:
        other = read_yaml(path / CONFIG)
        iterations = stopped_at(path) or int(other["iterations"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be gone on from: %s", path, error)
        return None
    if iterations >= int(config["iterations"]) or not same_but_iterations(other, config):
        return None
    return FinishedRun(path, iterations)


class ContinueTraining:
    """Lets a run begin where a shorter one ended, and removes that one once this one has ended.

    Args:
        run_name: Name of the run that is about to train.
        remove_continued_runs: Delete the shorter run at the end.
    """

    def __init__(self, run_name: str, remove_continued_runs: bool = False) -> None:
        self.run_name = run_name
        self.remove_continued_runs = remove_continued_runs
        self.continued: FinishedRun | None = None

    @CallbackMixin.order(100)
    def cb_on_train_begin(self, trainer: Any) -> None:
        """Take over states, metrics and times of the longest shorter run, if there is one."""
        if trainer.resumption.is_resumed:
            return
        target: Path = trainer.output_directory
        for half_removed in target.parent.glob(f".*{REMOVING}"):
            shutil.rmtree(half_removed, ignore_errors=True)
        start = _first_sound(
            shorter_runs(target.parent, trainer.run_config, besides=target), trainer
        )
        if start is None:
            return
        path, done = start.run.path, start.history.iterations
        log.info("Continuing %s from its iteration %d", path.name, done[-1])
        # The initial states are being written into the folders that are replaced now.
        trainer.bookkeeping.background.join()
        folders = [f"{trainer.training_type}_{n}" for n in done]
        for folder in ("_initial", *folders):
            if (path / folder).is_dir():
                copy_folder(path / folder, target / folder)
        copy_folder(path / start.best, target / "_best", without="train_*")
        trainer.restore(start.history, path / "timer.yaml", target / folders[-1])
        self.continued = start.run

    def state_dict(self) -> dict[str, Any]:
        """Which run was continued."""
        run = self.continued
        return {} if run is None else {"path": str(run.path), "iterations": run.iterations}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Remember which run was continued."""
        if state_dict:
            self.continued = FinishedRun(Path(state_dict["path"]), state_dict["iterations"])

    @CallbackMixin.order(100)
    def cb_on_train_end(self, trainer: Any) -> None:
        """Delete the shorter run: everything it held is in the longer one, which is on disk."""
        if self.continued is not None and self.remove_continued_runs:
            _remove(self.continued.path)
            log.info("Removed %s, which this run went on from", self.continued.path.name)


def _first_sound(runs: list[FinishedRun], trainer: Any) -> Start | None:
    """The newest states that are sound; damaged ones are reported and passed over.

    Raises:
        FileNotFoundError: if there are runs, but all of them lack states.
        CorruptFileError: if there are runs, but none with states that are sound.
    """
    trouble: Exception | None = None
    for run in runs:
        try:
            return _start_of(run, trainer)
        except (CorruptFileError, FileNotFoundError) as error:
            log.warning("%s cannot be gone on from: %s", run.path, error)
            trouble = trouble or error
    if trouble is not None:
        raise trouble
    return None


def _start_of(run: FinishedRun, trainer: Any) -> Start:
    check_table(run.path)
    whole = History(trainer.history.columns)
    whole.load_csv(run.path / TABLE)
    if not whole.iterations:
        raise CorruptFileError(f"{run.path / TABLE}: expected a row of metrics, found none")
    names = list(trainer.states())
    trouble: Exception | None = None
    for iteration in reversed(whole.iterations):
        history = whole.until(iteration)
        try:
            first_sound([run.path / f"{trainer.training_type}_{iteration}"], names)
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
    run: FinishedRun, whole: History, history: History, trainer: Any
) -> Iterator[Path]:
    """Folders that hold the best state up to the end of a history."""
    best = trainer.best_in(history)
    if best == trainer.best_in(whole):
        yield run.path / "_best"
    yield run.path / trainer.folder_of(best)


def _remove(folder: Path) -> None:
    """Remove a folder; killed meanwhile, it leaves nothing that looks like a run."""
    hidden = folder.with_name(f".{folder.name}{REMOVING}")
    shutil.rmtree(hidden, ignore_errors=True)
    if folder.is_dir():
        try:
            folder.rename(hidden)
        except OSError as error:
            raise unwritable(folder, error) from error
        shutil.rmtree(hidden, ignore_errors=True)
        if hidden.exists():
            log.warning("%s could not be removed; nobody needs it any more", hidden)
