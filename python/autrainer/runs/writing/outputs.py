"""What a model says about every sample of a split: kept while it runs, then written."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt
import torch

from autrainer.errors import DataError
from autrainer.runs.layout import ARRAYS, array_file, table_file
from autrainer.runs.process.communicator import ALONE, Communicator
from autrainer.runs.writing.background import Background, Job
from autrainer.runs.writing.files import copy_file, write_npy
from autrainer.runs.writing.results import (
    Samples,
    Saved,
    TargetTransform,
    results_frame,
    write_saved,
)
from autrainer.runs.writing.rows import Rows
from autrainer.runs.writing.shares import in_order

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

Array = npt.NDArray[Any]


class Encodes(Protocol):
    """A dataset, as far as its outputs are concerned."""

    @property
    def target_transform(self) -> Any:
        """The `TargetTransform` of the dataset."""

    @property
    def output_dim(self) -> int:
        """Outputs of the model for a sample."""


class WritesFiles(Protocol):
    """A run folder with a thread that writes into it."""

    output_directory: Path
    background: Background


class OutputsTracker:
    """Keeps outputs, targets, losses and indices of a split, and writes them.

    A batch costs four copies into ready memory, on the host, however many came before. Outputs and
    losses are float32 (float64 if the model computes so), indices int64, targets what the dataset
    encodes. Where several processes share the batches, each keeps its rows, and `save` brings them
    together: all processes have all rows then, in the order in which one process would have them.

    Args:
        export: Whether `save` writes files.
        prefix: Beginning of their names: `train`, `dev` or `test`.
        data: The dataset; its target transform makes predictions of outputs.
        bookkeeping: The run folder.
        table_format: Format of the table of results: `csv`, `parquet` or `arrow`.
        samples: Gives targets and names of the samples for the table.
        communicator: Joins the processes of the run.
    """

    def __init__(
        self,
        export: bool,
        prefix: str,
        data: Encodes,
        bookkeeping: WritesFiles,
        table_format: str = "csv",
        samples: Samples | None = None,
        communicator: Communicator = ALONE,
    ) -> None:
        self.export = export
        self.prefix = prefix
        self.data = data
        self.bookkeeping = bookkeeping
        self.table_format = table_format
        self.samples = samples
        self._communicator = communicator
        self._sizes: list[int] = []
        self._outputs = Rows(f"{prefix} outputs", torch.float32)
        self._targets = Rows(f"{prefix} targets", torch.int64)
        self._indices = Rows(f"{prefix} indices", torch.int64)
        self._losses = Rows(f"{prefix} losses", torch.float32)
        self._saved: Saved | None = None
        self._results_df: pd.DataFrame | None = None
        self._writing: list[Job] = []
        self._folder: str | Path | None = None

    def reserve(self, num_rows: int) -> None:
        """Make room for the samples of a pass, so that nothing is copied while it grows."""
        for rows in self._all_rows():
            rows.reserve(num_rows)

    def update(
        self, output: torch.Tensor, target: torch.Tensor, loss: torch.Tensor, sample_idx: Any
    ) -> None:
        """Append the rows of one batch.

        Args:
            output: Raw outputs, shape (B, output_dim).
            target: Encoded targets, shape (B,) or (B, T).
            loss: Unreduced losses, shape (B,) or (B, T).
            sample_idx: Positions of the samples in their split, shape (B,).

        Raises:
            DataError: if the shapes fit neither each other nor those of earlier batches.
        """
        if not isinstance(sample_idx, torch.Tensor):
            sample_idx = torch.as_tensor(sample_idx)
        try:
            size = output.shape[0]
            fits = size == target.shape[0] == loss.shape[0] == sample_idx.shape[0]
        except IndexError:
            fits = False
        if not fits:
            self._refuse(output, target, loss, sample_idx)
        if not len(self._outputs):
            self._check_width(output)
        self._outputs.append(output)
        self._targets.append(target)
        self._losses.append(loss)
        self._indices.append(sample_idx)
        self._sizes.append(size)

    def skip_batch(self) -> None:
        """Take note of a batch in which this process has no sample."""
        self._sizes.append(0)

    def save(
        self, iteration_folder: str | Path, reset: bool = True, *, may_be_empty: bool = False
    ) -> None:
        """Compute predictions now and, with `export`, write five files in the background.

        Args:
            iteration_folder: Folder inside the run folder.
            reset: Begin anew; the arrays of this pass are then no longer at hand.
            may_be_empty: Every batch may have been left out: then the files have no rows, and a
                warning tells it.

        Raises:
            DataError: if nothing has been kept, or the outputs do not fit the dataset.
        """
        self._saved, probabilities = self._evaluate(iteration_folder if may_be_empty else None)
        self._results_df = None
        if self.export:
            self._write(self._saved, probabilities, iteration_folder)
        if reset:
            self.reset()

    def copy_to(self, iteration_folder: str | Path) -> None:
        """Copy the files that were last written into another folder, in the background."""
        if self._folder is None:
            return
        source, target = self._path(self._folder), self._path(iteration_folder)
        for name in self._file_names():
            self.bookkeeping.background.submit(copy_file, source / name, target / name)

    def reset(self) -> None:
        """Forget all rows. Arrays that were handed out stay as they are."""
        self._sizes = []
        for rows in self._all_rows():
            rows.clear()
        self._saved = None
        self._results_df = None

    def rows_state(self) -> tuple[int, int]:
        """How often rows have begun anew, and how many all processes have since."""
        return self._outputs.passes, sum(self._communicator.gather(len(self._outputs)))

    def rows_since(self, start: int) -> dict[str, torch.Tensor]:
        """Rows of all processes from one on, in host memory; they do not change any more."""
        return {name: rows[start:] for name, rows in self._rows_of_all().items()}

    def restore_rows(self, parts: Sequence[dict[str, torch.Tensor]]) -> None:
        """Begin with rows that `rows_since` gave, part after part; the main process has them."""
        self.reset()
        for part in parts:
            if not isinstance(part, Mapping):
                raise TypeError(f"rows are of type {type(part).__name__}, expected dict")
            if self._communicator.process.is_main:
                self.update(part["outputs"], part["targets"], part["losses"], part["indices"])
            else:
                self.skip_batch()

    @property
    def outputs(self) -> Array:
        """Raw outputs, shape (N, output_dim)."""
        return self._last("outputs").outputs

    @property
    def targets(self) -> Array:
        """Encoded targets, shape (N,) or (N, T)."""
        return self._last("targets").targets

    @property
    def indices(self) -> Array:
        """Positions of the samples in their split, in the order of the pass, shape (N,)."""
        return self._last("indices").indices

    @property
    def losses(self) -> Array:
        """Unreduced losses, shape (N,) or (N, T)."""
        return self._last("losses").losses

    @property
    def predictions(self) -> Array:
        """Encoded predictions, shape (N,) or (N, T)."""
        return self._last("predictions").predictions

    @property
    def results_df(self) -> pd.DataFrame:
        """The table of the results file; it is built when it is first asked for."""
        saved = self._last("results_df")
        if self._results_df is None:
            self._results_df = results_frame(saved, self.data.target_transform, self.samples)
        return self._results_df

    def _all_rows(self) -> tuple[Rows, ...]:
        return self._outputs, self._targets, self._indices, self._losses

    def _rows_of_all(self) -> dict[str, torch.Tensor]:
        """Rows of all processes by name, in host memory."""
        own = {name: getattr(self, f"_{name}").tensor() for name in ARRAYS}
        if self._communicator.process.is_alone:
            return own
        gathered = self._communicator.gather((self._sizes, own))
        sizes = [each for each, _rows in gathered]
        return {name: in_order([rows[name] for _, rows in gathered], sizes) for name in ARRAYS}

    def _last(self, name: str) -> Saved:
        if self._saved is None:
            raise DataError(f"{self.prefix} {name} are not computed yet; call save() first")
        return self._saved

    def _evaluate(self, empty_in: str | Path | None) -> tuple[Saved, torch.Tensor]:
        rows = self._rows_of_all()
        if not len(rows["outputs"]):
            if empty_in is None:
                what = f"there are no {self.prefix} outputs to save"
                raise DataError(f"{what}; update() was not called")
            rows = self._no_rows(empty_in)
        transform: TargetTransform = self.data.target_transform
        with torch.no_grad():
            probabilities = transform.probabilities_inference(rows["outputs"])
            predictions = transform.predict_array(probabilities)
        arrays = {name: rows[name].numpy() for name in ARRAYS}
        return Saved(**arrays, predictions=predictions), probabilities

    def _no_rows(self, folder: str | Path) -> dict[str, torch.Tensor]:
        if self._communicator.process.is_main:
            log.warning(
                "The %s outputs of %s have no rows: every batch was left out", self.prefix, folder
            )
        columns = getattr(self.data, "target_column", None)
        shape = (0, len(columns)) if isinstance(columns, list) else (0,)
        return {
            "outputs": torch.empty(0, self.data.output_dim),
            "targets": torch.empty(shape, dtype=torch.int64),
            "indices": torch.empty(0, dtype=torch.int64),
            "losses": torch.empty(shape),
        }

    def _write(
        self, saved: Saved, probabilities: torch.Tensor, iteration_folder: str | Path
    ) -> None:
        # Whoever saves faster than the disk writes waits here: at most two passes are in memory.
        for job in self._writing:
            job.wait()
        submit = self.bookkeeping.background.submit
        folder = self._path(iteration_folder)
        self._writing = [
            submit(write_npy, folder / array_file(self.prefix, name), getattr(saved, name))
            for name in ARRAYS
        ]
        table, transform = folder / self._table_name(), self.data.target_transform
        columns = (saved, probabilities, transform, self.samples)
        self._writing.append(submit(write_saved, table, self.table_format, *columns))
        self._folder = iteration_folder

    def _path(self, folder: str | Path) -> Path:
        return self.bookkeeping.output_directory / folder

    def _file_names(self) -> list[str]:
        return [*(array_file(self.prefix, name) for name in ARRAYS), self._table_name()]

    def _table_name(self) -> str:
        return table_file(self.prefix, self.table_format)

    def _check_width(self, output: torch.Tensor) -> None:
        if tuple(output.shape[1:]) != (self.data.output_dim,):
            raise DataError(
                f"{self.prefix} outputs of shape {tuple(output.shape)} do not fit the dataset, "
                f"which asks for (batch, {self.data.output_dim}); has the model this output_dim?"
            )

    def _refuse(self, *batch: torch.Tensor) -> None:
        names = ("outputs", "targets", "losses", "indices")
        shapes = ", ".join(f"{n} {tuple(b.shape)}" for n, b in zip(names, batch, strict=True))
        raise DataError(
            f"a {self.prefix} batch does not hold one row per sample: {shapes}; the criterion has "
            "to give unreduced losses and the model one row of outputs per sample"
        )
