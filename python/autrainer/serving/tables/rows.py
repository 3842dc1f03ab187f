"""Rows of a table through a model that has learned from columns of a table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from autrainer.datasets.tables.features import FeatureColumns, numbers_of, table_problems
from autrainer.datasets.tables.frames import Listing, read_frame
from autrainer.errors import ConfigError, DataError
from autrainer.runs.locking.folders import alone_in
from autrainer.runs.process.intra_op import one_intra_op_thread
from autrainer.runs.writing.files import make_folder, remove_leftovers
from autrainer.serving.batches import told
from autrainer.serving.directory import EMBEDDINGS, Outputs, write_results
from autrainer.serving.inference import Inference, shown
from autrainer.serving.results import FileResult, Row, rows_of, write_embedding
from autrainer.serving.tables.learned import LearnedTable, learned_table

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

NAN_OUTPUTS = "the model's outputs are NaN: the weights may hold NaN"
ROW = "row"
"""Name of the column with the numbers of rows, where they have no index."""

UNKNOWN_ORDER = (
    "dataset.features has patterns, which mean columns in their order in %s: it has to be that of "
    "the train set, which is not at %s any more"
)


@dataclass(frozen=True)
class TableRows:
    """Rows of a table, ready for the transforms of a run.

    Args:
        column: The column with what the rows are called.
        names: What each row is called.
        features: Shape (N, C), float32.
        problems: What is wrong with a row, by its position.
    """

    column: str
    names: Sequence[str]
    features: torch.Tensor
    problems: Mapping[int, str]


def read_rows(path: Path, learned: LearnedTable) -> TableRows:
    """The rows of a CSV file, with the columns that a run has learned from.

    Rows are called what the index column of the run says, or by their number from 0 on where the
    table has no such column. Cells without a finite number are the problem of their row.

    Args:
        path: The file.
        learned: What the run has learned from.

    Raises:
        ConfigError: if there is no such file.
        DataError: naming the columns that are not there, or that hold no numbers at all.
    """
    columns = FeatureColumns(learned.features, learned.others, learned.targets)
    texts = [] if learned.index_column is None else [learned.index_column]
    # A pattern means the columns that the train set had, in the order they had there.
    known = learned.train_header() if learned.has_patterns else None

    def features_in(header: Sequence[str]) -> list[str]:
        return columns.of(header if known is None else known)

    try:
        frame = read_frame(path, [*texts, *learned.targets], features_in)
    except FileNotFoundError as error:
        raise ConfigError(f"there is no table {str(path)!r}") from error
    if learned.has_patterns and known is None:
        log.warning(UNKNOWN_ORDER, path, learned.train_table)
    chosen = features_in(list(map(str, frame.columns)))
    features = _checked_features(frame, chosen, path)
    has_index = learned.index_column is not None and learned.index_column in frame.columns
    return TableRows(
        str(learned.index_column) if has_index else ROW,
        list(map(str, frame[learned.index_column] if has_index else range(len(frame)))),
        torch.from_numpy(features),
        dict(_row_problems(~np.isfinite(features), chosen)),
    )


def _checked_features(
    frame: pd.DataFrame, columns: Sequence[str], path: Path
) -> npt.NDArray[np.float32]:
    """Features of all rows, shape (N, C), some of which may have cells without a finite number.

    Raises:
        DataError: if a column is not there, or no row has all of its numbers.
    """
    if len(frame) == 0:
        raise DataError(f"{path}: there is no row")
    listing = Listing(str(path), is_file=True)
    absent = [name for name in columns if name not in frame.columns]
    problems = list(table_problems(frame, absent, listing))
    if not problems:
        features = np.stack([numbers_of(frame[name]) for name in columns], axis=1)
        if np.isfinite(features).all(axis=1).any():
            return features
        problems = list(table_problems(frame, columns, listing))
    raise DataError("\n".join(f"{path}: {problem}" for problem in problems))


def _row_problems(
    is_wrong: npt.NDArray[np.bool_], columns: Sequence[str]
) -> Iterator[tuple[int, str]]:
    for position in np.flatnonzero(is_wrong.any(axis=1)).tolist():
        names = [columns[place] for place in np.flatnonzero(is_wrong[position]).tolist()]
        yield position, f"no finite number in column {', '.join(map(repr, names))}"


def results_of_rows(
    inference: Inference, rows: TableRows, *, with_embeddings: bool
) -> Iterator[list[FileResult]]:
    """What the model says about rows, batch by batch, in their order.

    Args:
        inference: The model.
        rows: The rows.
        with_embeddings: Keep their embeddings too.

    Raises:
        DataError: if the model or a transform fails on them.
    """
    size = inference.batch_size
    for start in range(0, len(rows.names), size):
        positions = range(start, min(start + size, len(rows.names)))
        sound = [position for position in positions if position not in rows.problems]
        found = _rows(inference, rows.features[sound], with_embeddings)
        made = dict(zip(sound, found, strict=True))
        yield [
            _result(rows.names[position], made.get(position), rows.problems.get(position))
            for position in positions
        ]


def _rows(inference: Inference, features: torch.Tensor, with_embeddings: bool) -> Iterable[Row]:
    if not len(features):
        return []
    serving = inference.serving
    try:
        with one_intra_op_thread():
            inputs = serving.features_of_all(list(features))
            outputs, embeddings = serving.forward(inputs, with_embeddings=with_embeddings)
            embedded = [None] * len(outputs) if embeddings is None else list(embeddings)
            whole = [None] * len(outputs)
            return rows_of(serving.target_transform, whole, outputs, embedded)
    # Of the model, or of a transform of the user's own.
    except Exception as error:
        raise DataError(f"the model has no result for the rows: {told(error)}") from error


def _result(name: str, row: Row | None, problem: str | None) -> FileResult:
    if row is None:
        return FileResult(name, error=problem)
    if row.output is not None and np.isnan(row.output).any():
        return FileResult(name, error=NAN_OUTPUTS)
    return FileResult(name, [row])


def predicted(inference: Inference, path: Path) -> tuple[list[FileResult], str]:
    """What a model says about the rows of a table, and the column with their names.

    Raises:
        ConfigError: if the model has learned from files; and the errors of `read_rows`.
        DataError: if the model fails on the rows.
    """
    learned = learned_table(inference.serving.folder)
    if learned is None:
        raise ConfigError("the model has not learned from a table; give it files")
    rows = read_rows(path, learned)
    groups = results_of_rows(inference, rows, with_embeddings=False)
    return [result for group in groups for result in group], rows.column


def run_table(
    inference: Inference,
    path: Path,
    learned: LearnedTable,
    outputs: Outputs,
    *,
    update_frequency: int = 1,
) -> list[FileResult]:
    """Write what a model says about the rows of a CSV file: `results.csv`, `results.yaml`.

    Embeddings are one file, `embeddings.npy` or `embeddings.pt`, of shape (M, ...): those of the
    M rows of `results.csv`, in their order.

    Args:
        inference: The model.
        path: The file.
        learned: What the run has learned from.
        outputs: What is written, and where.
        update_frequency: Rows between two looks of the progress bar; 0 for none.

    Returns:
        What became of every row; `failed.yaml` says why some have no result.

    Raises:
        ConfigError: and the other errors of `read_rows` and `results_of_rows`.
        OutputError: if a file of the results could not be written.
    """
    rows = read_rows(path, learned)
    folder = make_folder(outputs.folder)
    with alone_in(folder, "writes results to"):
        remove_leftovers(folder)
        results: list[FileResult] = []
        groups = results_of_rows(inference, rows, with_embeddings=outputs.embeddings is not None)
        for group in shown(groups, len(rows.names), update_frequency, unit="row"):
            results += group
        if outputs.embeddings is not None:
            made = [row.embedding for result in results for row in result.rows]
            embeddings = [embedding for embedding in made if embedding is not None]
            write_embedding(folder / f"{EMBEDDINGS}{outputs.embeddings}", np.stack(embeddings))
        write_results(results, outputs, rows.column)
    return results
