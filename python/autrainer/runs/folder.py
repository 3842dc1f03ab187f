"""The folder of a run: everything in it is written here, whole or not at all."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from autrainer.runs.layout import LOG_FILE, SUMMARY
from autrainer.runs.manifest import ManifestWriter
from autrainer.runs.model_summary import save_model_summary
from autrainer.runs.objects import save_object
from autrainer.runs.process.logfile import LogFile
from autrainer.runs.process.run_process import ONLY_PROCESS, RunProcess
from autrainer.runs.state.staging import Staged, Staging
from autrainer.runs.state.torch_files import Stateful, read_state, write_state
from autrainer.runs.writing.background import Background, IdleBackground
from autrainer.runs.writing.files import make_folder, write_npy, write_text
from autrainer.runs.yaml.writing import write_yaml

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

LOSSES = ("train_loss", "dev_loss")


class Bookkeeping:
    """Writes the files of a run folder, in the background where the caller need not wait.

    Whatever is handed over is copied first, so it may change as soon as a method has returned.
    `background.join()` waits for the files; an error of theirs is raised there, or earlier by the
    next call that hands something over.

    Of several processes of a run only the main one writes: in all others, what is told here to
    write or log does nothing.

    Args:
        output_directory: The run folder; it is created. A relative path starts at the working
            directory of now, wherever the process goes later.
        file_handler_path: The log; by default `training.log` in the run folder. What an earlier
            attempt logged there stays.
        process: Which process of the run this is.

    Attributes:
        output_directory: The run folder, absolute.
        background: Where files are written.
        manifest: Writes the manifest of the run.
        staging: Where states are copied to before.
    """

    def __init__(
        self,
        output_directory: str | Path,
        file_handler_path: str | Path | None = None,
        process: RunProcess = ONLY_PROCESS,
    ) -> None:
        self.output_directory = Path(output_directory).absolute()
        self.staging = Staging()
        self._writes = process.is_main
        self._log_file: LogFile | None = None
        self.background = Background() if self._writes else IdleBackground()
        self.manifest = ManifestWriter(self.output_directory)
        if self._writes:
            make_folder(self.output_directory)
            self._log_file = LogFile(self.output_directory / (file_handler_path or LOG_FILE))

    def close(self) -> None:
        """Wait for the files and let go of the log; may be called again."""
        self.background.close()
        if self._log_file is not None:
            self._log_file.close()

    def write(self, function: Callable[..., object], *args: Any, **options: Any) -> None:
        """Call something that writes files, now and in this thread."""
        if self._writes:
            function(*args, **options)

    def log(self, message: str, level: int = logging.INFO) -> None:
        """Log a message, for the run's log and other handlers of the root logger."""
        if self._writes:
            log.log(level, message)

    def log_to_file(self, message: str, level: int = logging.INFO) -> None:
        """Log a message for the run's log alone."""
        if self._log_file is not None:
            self._log_file.write(message, level)

    def create_folder(self, name: str, path: str | Path = "") -> Path:
        """Create a folder in the run folder, unless it is there."""
        folder = self.output_directory / path / name
        self.write(make_folder, folder)
        return folder

    def save_state(self, obj: Stateful | None, filename: str, path: str | Path = "") -> None:
        """Copy a state to host memory now and write it in the background.

        Args:
            obj: A module, an optimizer or a scheduler; None is ignored.
            filename: Name of the file.
            path: Folder inside the run folder.

        Raises:
            TypeError: if the object has no state.
        """
        self.save_states({filename: obj}, [path])

    def save_states(
        self, states: Mapping[str, Stateful | None], paths: Sequence[str | Path]
    ) -> None:
        """Copy several states once and write each of them into several folders.

        Args:
            states: Objects by file name; None is ignored.
            paths: Folders inside the run folder; without any nothing is copied.

        Raises:
            TypeError: if an object has no state.
        """
        parts = {name: _stateful(obj) for name, obj in states.items() if obj is not None}
        if not parts or not paths:
            return
        # In all processes: of a model that is divided, each has a part.
        found = {name: part.state_dict() for name, part in parts.items()}
        if not self._writes:
            return
        staged = self.staging.take(found)
        folders = [self.output_directory / path for path in paths]
        self.background.submit(_write_states, staged, folders)

    def load_state(self, obj: Stateful, filename: str, path: str | Path = "") -> None:
        """Load a state, waiting first for what is still to be written. Nothing is executed.

        Args:
            obj: A module, an optimizer or a scheduler; it keeps its device.
            filename: Name of the file.
            path: Folder, inside the run folder or absolute.

        Raises:
            FileNotFoundError: if there is no such file.
            CorruptFileError: naming the file, if it is damaged.
            TypeError: if the object has no state.
        """
        _stateful(obj)
        self.background.join()
        file = self.output_directory / path / filename
        if not file.is_file():
            raise FileNotFoundError(f"{file}: there is no such state of {type(obj).__name__}")
        obj.load_state_dict(read_state(file))

    def save_model_summary(
        self,
        model: torch.nn.Module,
        shape: Sequence[int] | Mapping[str, Any],
        device: torch.device | str,
        filename: str = SUMMARY,
    ) -> None:
        """Write the summary of a model, as text and as YAML.

        Args:
            model: The model.
            shape: Shape of its features with the batch axis, or its inputs by name.
            device: Where the features go.
            filename: Name of the files; a suffix is dropped.
        """
        inputs = (
            shape
            if isinstance(shape, Mapping)
            else {"features": torch.zeros(*shape, device=device)}
        )
        self.write(save_model_summary, model, inputs, self.output_directory, Path(filename).stem)

    def save_audobject(self, obj: Any, filename: str, path: str | Path = "") -> None:
        """Write how to build an object, in the YAML form of audobject.

        Raises:
            TypeError: if the object cannot be described by its constructor's arguments.
        """
        self.write(save_object, obj, self.output_directory / path / filename)

    def save_results_dict(
        self, results: Mapping[Any, Any], filename: str, path: str | Path = ""
    ) -> None:
        """Write results as YAML, in the order in which they come."""
        file = self.output_directory / path / filename
        self.background.submit(write_yaml, file, copy.deepcopy(dict(results)))

    def save_results_df(self, df: pd.DataFrame, filename: str, path: str | Path = "") -> None:
        """Write a data frame as CSV without its index."""
        text = df.to_csv(index=False, lineterminator="\n")
        self.background.submit(write_text, self.output_directory / path / filename, text)

    def save_results_np(
        self, array: np.ndarray[Any, Any], filename: str, path: str | Path = ""
    ) -> None:
        """Write an array in NumPy's format."""
        file = self.output_directory / path / filename
        self.background.submit(write_npy, file, np.array(array, order="C"))

    def save_best_results(
        self,
        metrics: pd.DataFrame,
        filename: str,
        metric_fns: Iterable[Any],
        tracking_metric_fn: Any,
        path: str | Path = "",
    ) -> None:
        """Write the smallest losses, each metric's own best value, and the best iteration.

        Args:
            metrics: A row for every evaluated iteration; the index is the iteration.
            filename: Name of the file.
            metric_fns: The metrics of the columns.
            tracking_metric_fn: The metric that decides which iteration is best.
            path: Folder inside the run folder.
        """
        columns = {name: [float(value) for value in metrics[name]] for name in metrics.columns}
        best: dict[str, float | int] = {f"{name}_min": _best(columns[name], min) for name in LOSSES}
        for metric in metric_fns:
            best[metric.name] = _best(columns[metric.name], _picker(metric))
        tracked = columns[tracking_metric_fn.name]
        value = _best(tracked, _picker(tracking_metric_fn))
        best["best_iteration"] = int(metrics.index[tracked.index(value) if value in tracked else 0])
        self.save_results_dict(best, filename, path)


def _write_states(staged: Staged, folders: Sequence[Path]) -> None:
    try:
        for name, state in staged.tree.items():
            write_state(state, *(folder / name for folder in folders))
    finally:
        staged.release()


def _stateful(obj: Any) -> Stateful:
    if not isinstance(obj, Stateful):
        raise TypeError(
            f"{type(obj).__name__} has no state; expected a module, an optimizer or a scheduler"
        )
    return obj


def _picker(metric: Any) -> Any:
    return max if metric.suffix == "max" else min


def _best(values: Iterable[float], pick: Any) -> float:
    """Best of some values; NaN is never the best, unless there is nothing else."""
    return float(pick((value for value in values if not math.isnan(value)), default=math.nan))
