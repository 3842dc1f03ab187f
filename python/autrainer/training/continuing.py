"""Going on from a shorter run of the same configuration instead of starting again."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.callbacks.dispatch import CallbackMixin
from autrainer.config.identity import same_but_iterations
from autrainer.errors import CorruptFileError
from autrainer.runs.files import read_yaml
from autrainer.training.history import History

log = logging.getLogger(__name__)

FINISHED = "metrics.csv"
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


def longest_shorter_run(
    runs_dir: Path, config: Mapping[str, Any], *, besides: Path
) -> FinishedRun | None:
    """The finished run of the same configuration with the most, but fewer, iterations.

    Folders are told by the configuration inside them, never by their names.

    Args:
        runs_dir: Folder whose folders are runs.
        config: Configuration of the run that wants to go on.
        besides: Its own folder.
    """
    found = [
        run
        for path in sorted(runs_dir.iterdir())
        if path.is_dir() and path != besides and (path / FINISHED).is_file()
        if (run := _as_shorter_run(path, config)) is not None
    ]
    return max(found, key=lambda run: run.iterations, default=None)


def _as_shorter_run(path: Path, config: Mapping[str, Any]) -> FinishedRun | None:
    try:
        other = read_yaml(path / CONFIG)
        iterations = int(other["iterations"])
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
        run = longest_shorter_run(target.parent, trainer.run_config, besides=target)
        if run is None:
            return
        history = History(trainer.history.columns)
        history.load_csv(run.path / FINISHED)
        folders = [f"{trainer.training_type}_{n}" for n in history.iterations]
        states = [name for name, part in trainer.states().items() if part is not None]
        _check_states(run, folders, states)
        log.info("Continuing %s from its iteration %d", run.path.name, history.iterations[-1])
        # The initial states are being written into the folders that are replaced now.
        trainer.bookkeeping.background.join()
        for folder in ("_best", "_initial", *folders):
            _copy_folder(run.path / folder, target / folder)
        trainer.restore(history, run.path / "timer.yaml", target / folders[-1])
        self.continued = run

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


def _check_states(run: FinishedRun, folders: list[str], states: list[str]) -> None:
    """Fail before anything is copied if the states to go on from are missing.

    Raises:
        CorruptFileError: if the run's table of metrics is empty.
        FileNotFoundError: if the states of its last iteration are gone.
    """
    if not folders:
        raise CorruptFileError(f"{run.path / FINISHED}: expected a row of metrics, found none")
    files = [run.path / folder / name for folder in (folders[-1], "_best") for name in states]
    state = next((file for file in files if not file.is_file()), None)
    if state is not None:
        raise FileNotFoundError(
            f"{state} is missing, so this run cannot be gone on from; remove the folder "
            f"{run.path} or set continue_training: false to start anew"
        )


def _remove(folder: Path) -> None:
    """Remove a folder; killed meanwhile, it leaves nothing that looks like a run."""
    hidden = folder.with_name(f".{folder.name}{REMOVING}")
    shutil.rmtree(hidden, ignore_errors=True)
    if folder.is_dir():
        folder.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)


def _copy_folder(source: Path, target: Path) -> None:
    """Replace a folder by a copy of another; the target is never seen half copied."""
    if not source.is_dir():
        return
    staging = target.with_name(f".{target.name}.copying")
    shutil.rmtree(staging, ignore_errors=True)
    shutil.copytree(source, staging)
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)
