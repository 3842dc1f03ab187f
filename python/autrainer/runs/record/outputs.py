"""What a model has said about every sample of a split, read from the files of a run."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.errors import CorruptFileError
from autrainer.runs.extras import require
from autrainer.runs.layout import ARRAYS, TABLE_FORMATS, array_file, table_file
from autrainer.runs.writing.opening import reading, refuse_irregular

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

INDEX, PREDICTIONS, TARGET = "index", "predictions", "target"
PROBABILITY = "probability_"


@dataclass(frozen=True)
class Outputs:
    """Outputs of one pass over a split. Nothing is read before it is asked for.

    Args:
        folder: The folder in that of the run.
        subset: `train`, `dev` or `test`.
    """

    folder: Path
    subset: str

    @cached_property
    def table_path(self) -> Path | None:
        """The table of results, in whichever format it is; None if there is none."""
        paths = [self.folder / table_file(self.subset, each) for each in TABLE_FORMATS]
        return next((path for path in paths if path.is_file()), None)

    @property
    def is_there(self) -> bool:
        """Whether anything was saved."""
        has_arrays = any((self.folder / array_file(self.subset, name)).is_file() for name in ARRAYS)
        return has_arrays or self.table_path is not None

    def array(self, name: str) -> npt.NDArray[Any]:
        """One of the arrays, mapped into memory and read-only.

        Args:
            name: `outputs` (N, output_dim), `targets` (N,) or (N, T) as encoded, `indices` (N,):
                positions in the split; `losses` (N,) or (N, T).

        Raises:
            FileNotFoundError: if it was not saved.
            CorruptFileError: naming the file, if it is damaged.
        """
        import numpy as np

        path = self.folder / array_file(self.subset, name)
        refuse_irregular(path)
        try:
            array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, SyntaxError) as error:
            raise CorruptFileError(f"{path}: expected an array, found none: {error}") from error
        return array

    @cached_property
    def columns(self) -> dict[str, list[Any]]:
        """The table, a list for each column: texts from CSV, values from the other formats.

        Columns are `index`, `predictions`, in runs of ours `target` and the names of the samples,
        and one `probability_NAME` for each label or target (without the prefix in runs of 0.9).

        Raises:
            FileNotFoundError: if it was not saved.
            CorruptFileError: naming the file, if it is damaged.
            MissingExtraError: for Parquet and Arrow, if pyarrow is not installed.
        """
        path = self._existing_table()
        if path.suffix == ".csv":
            return _csv_columns(path)
        columns: dict[str, list[Any]] = _arrow_table(path).to_pydict()
        return columns

    def frame(self) -> pd.DataFrame:
        """The table as a data frame; raises as `columns`."""
        import pandas as pd

        path = self._existing_table()
        if path.suffix != ".csv":
            frame: pd.DataFrame = _arrow_table(path).to_pandas()
            return frame
        with reading(path) as file:
            try:
                return pd.read_csv(file)
            except (ValueError, UnicodeDecodeError) as error:
                raise CorruptFileError(f"{path}: expected a table, found {error}") from error

    @property
    def label_columns(self) -> list[str]:
        """Names of the columns of probabilities."""
        return [name for name in self.columns if name.startswith(PROBABILITY)]

    def _existing_table(self) -> Path:
        if self.table_path is None:
            raise FileNotFoundError(f"{self.folder}: no table of {self.subset} results was saved")
        return self.table_path


def _csv_columns(path: Path) -> dict[str, list[Any]]:
    with reading(path) as binary, io.TextIOWrapper(binary, "utf-8", newline="") as file:
        try:
            header, *rows = csv.reader(file)
            width = len(header)
            if any(len(row) != width for row in rows):
                line = next(n for n, row in enumerate(rows, start=2) if len(row) != width)
                raise ValueError(f"line {line} does not have {width} cells")
        except (csv.Error, ValueError) as error:
            raise CorruptFileError(f"{path}: expected a table: {error}") from error
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * width
    return {name: list(cells) for name, cells in zip(header, columns, strict=True)}


def _arrow_table(path: Path) -> Any:
    refuse_irregular(path)
    require("pyarrow", path.name, "pyarrow", "arrow")
    import pyarrow

    try:
        if path.suffix == ".parquet":
            from pyarrow.parquet import read_table

            return read_table(path)
        with pyarrow.OSFile(str(path)) as file:
            return pyarrow.ipc.open_file(file).read_all()
    except pyarrow.ArrowException as error:
        raise CorruptFileError(f"{path}: expected a table, found none: {error}") from error
