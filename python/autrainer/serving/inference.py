"""Inference with a trained model: files and folders in, predictions and embeddings out."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from autrainer.data.file_handlers import AudioFileHandler, native_format
from autrainer.data.paths.prefetch import prefetch
from autrainer.errors import ConfigError, DataError
from autrainer.runs.layout import BEST
from autrainer.runs.process.bars import counting_bar
from autrainer.serving.batches import Prepared, results_of, told
from autrainer.serving.model import STORED, Serving
from autrainer.serving.results import (
    MAJORITY,
    FileResult,
    Row,
    frame_of,
    stems_of,
    write_embedding,
    write_predictions,
    write_table,
)
from autrainer.serving.windows import Windows
from autrainer.transforms.base import is_ours

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

BATCH_SIZE = 32
MOST_THREADS = 8


class Inference:
    """A trained model for files and folders of recordings.

    Files are read and transformed by threads, and go through the model in batches. A file that
    cannot be read, or that the model fails on, does not end the others.

    Args:
        model_path: Run folder; resolve models of a hub with `get_model_path` before.
        checkpoint: Folder in it with the state of the model.
        device: `cpu`, `cuda`, `cuda:<number>` or `mps`; the CPU, after a warning, where it is
            missing.
        preprocess_cfg: `default` for the preprocessing stored with the model, None for the file
            handler of its dataset alone, or a YAML file.
        window_length: Seconds of a window; None for whole files.
        stride_length: Seconds from one window to the next; None for the length of a window.
        min_length: Seconds that files and windows have at least; zeros fill them up.
        sample_rate: Samples a second, to count the three above; None for the rate at which the
            file handler reads.
        tail: What becomes of the samples behind the last whole window: `drop`, `pad` (a last window
            filled up with zeros) or `align` (one that ends with the file).
        batch_size: Most parts of files that go through the model at once.
        trusted: Folders with modules of which classes may be built.

    Attributes:
        failures: Why there is no result, by file, after the last call with a folder.

    Raises:
        ConfigError: for an option that cannot be; and the errors of `Serving`.
    """

    def __init__(
        self,
        model_path: str | Path,
        checkpoint: str = BEST,
        device: str = "cpu",
        preprocess_cfg: str | Path | None = STORED,
        window_length: float | None = None,
        stride_length: float | None = None,
        min_length: float | None = None,
        sample_rate: int | None = None,
        *,
        tail: str = "drop",
        batch_size: int = BATCH_SIZE,
        trusted: Sequence[str | Path] = (),
    ) -> None:
        if batch_size < 1:
            raise ConfigError(f"batch_size is {batch_size}; use an integer of at least 1")
        self.serving = Serving(model_path, checkpoint, device, preprocess_cfg, trusted)
        self.batch_size = batch_size
        rate = _sample_rate(self.serving.file_handler, sample_rate)
        self.windows = Windows.read(window_length, stride_length, min_length, rate, tail)
        self.failures: dict[str, str] = {}

    def predict_file(self, file: str | Path) -> tuple[Any, Any, Any]:
        """What the model says about a file.

        Returns:
            The decoded prediction, the outputs (1, K), and probabilities by label. Of windows,
            three mappings by seconds, `0.00-1.00`; they also hold `majority`, with the vote, an
            empty tensor, and None for each label.

        Raises:
            DataError: naming the file, if there is no result.
        """
        rows = self._rows(file, with_embeddings=False)
        if rows[0].offset is None:
            return _parts_of(rows[0], ())
        labels = list(rows[0].probabilities or {})
        parts = {str(row.offset): _parts_of(row, labels) for row in rows}
        first, second, third = ({key: part[n] for key, part in parts.items()} for n in range(3))
        return first, second, third

    def embed_file(self, file: str | Path) -> torch.Tensor | dict[str, torch.Tensor]:
        """Embedding of a file, on the CPU; of windows, a mapping by seconds.

        Raises:
            DataError: naming the file, if there is no result.
        """
        rows = self._rows(file, with_embeddings=True)
        found = {str(row.offset): torch.as_tensor(row.embedding) for row in rows[: self._num(rows)]}
        return found if rows[0].offset is not None else next(iter(found.values()))

    def predict_directory(
        self,
        directory: str | Path,
        extension: str,
        recursive: bool = False,
        update_frequency: int = 1,
    ) -> pd.DataFrame:
        """A table of what the model says about the files of a folder.

        Args:
            directory: The folder.
            extension: Suffix of the files, in capitals or not.
            recursive: Look into folders below too.
            update_frequency: Files between two looks of the progress bar; 0 for no bar.

        Returns:
            Columns `filename`, `offset` where files are cut, `prediction`, `output` (a list), and
            one for each label. Files without a result are told in the log, and in `failures`.
        """
        return frame_of(self._directory(directory, extension, recursive, update_frequency, False))

    def embed_directory(
        self,
        directory: str | Path,
        extension: str,
        recursive: bool = False,
        update_frequency: int = 1,
    ) -> pd.DataFrame:
        """A table of embeddings; arguments as of `predict_directory`.

        Returns:
            Columns `filename`, `offset` where files are cut, and `embedding` (an array).
        """
        results = self._directory(directory, extension, recursive, update_frequency, True)
        return frame_of(results, embeddings=True)

    def predict_table(self, table: str | Path) -> pd.DataFrame:
        """A table of what the model says about the rows of a CSV file.

        For models that have learned from columns of a table (`dataset.features`).

        Args:
            table: The file; it needs the columns of the features.

        Returns:
            The index column of the run, or `row`, then `prediction`, `output` (a list), and one
            for each label. Rows without a result are in `failures`, by their names.

        Raises:
            ConfigError: if the model has learned from files, or there is no such table.
            DataError: naming what is wrong with the table.
        """
        from autrainer.serving.tables.rows import predicted

        results, column = predicted(self, Path(table))
        self.failures = {r.name: r.error for r in results if r.error is not None}
        return frame_of(results, column=column)

    def save_prediction_yaml(self, df: pd.DataFrame, out: str | Path) -> None:
        """Write `results.yaml` of a table: predictions by file, and by seconds of windows."""
        write_predictions(_results_in(df), Path(out))

    def save_prediction_results(self, df: pd.DataFrame, out: str | Path) -> None:
        """Write a table as `results.csv`."""
        write_table(_results_in(df), Path(out), "csv")

    def save_embeddings(
        self, df: pd.DataFrame, out: str | Path, input_extension: str, suffix: str = ".pt"
    ) -> None:
        """Write a file for each row of a table of embeddings, `<name>[-<offset>].pt`.

        Args:
            df: The table.
            out: The folder; files lie in it as in the folder that was read.
            input_extension: Suffix of the files that were read.
            suffix: `.pt` for files of torch, `.npy` for arrays.
        """
        stems = stems_of(list(dict.fromkeys(df["filename"])))
        for row in df.to_dict("records"):
            end = f"-{row['offset']}" if "offset" in row else ""
            path = Path(out) / f"{stems[row['filename']]}{end}{suffix}"
            write_embedding(path, row["embedding"])

    def results(
        self, root: Path, names: Sequence[str], *, with_embeddings: bool, start: int = 0
    ) -> Iterator[list[FileResult]]:
        """What the model says about files, group by group, in order.

        A group has as many files as a batch, and does not depend on where this starts.

        Args:
            root: The folder.
            names: Paths of the files in it.
            with_embeddings: Keep embeddings too.
            start: The first file; a multiple of the size of a group.
        """
        serving, threads = self.serving, self._num_threads()

        def make(number: int) -> Prepared:
            return self._prepared(names[number], root / names[number])

        # The next group is read while this one goes through the model.
        depth = max(2 * threads, self.batch_size)
        files = prefetch(
            make, start, len(names), num_threads=threads, depth=depth, name="inference"
        )
        try:
            for first in range(start, len(names), self.batch_size):
                group = islice(files, min(self.batch_size, len(names) - first))
                yield results_of(
                    group, serving, batch_size=self.batch_size, with_embeddings=with_embeddings
                )
        finally:
            files.close()  # type: ignore[attr-defined]

    def _directory(
        self,
        directory: str | Path,
        extension: str,
        recursive: bool,
        update_frequency: int,
        with_embeddings: bool,
    ) -> list[FileResult]:
        root = Path(directory)
        names = find_files(root, extension, recursive)
        results: list[FileResult] = []
        groups = self.results(root, names, with_embeddings=with_embeddings)
        for group in shown(groups, len(names), update_frequency):
            results += group
        self.failures = {r.name: r.error for r in results if r.error is not None}
        for name, error in self.failures.items():
            log.warning("No result for %s: %s", name, error)
        return results

    def _rows(self, file: str | Path, *, with_embeddings: bool) -> Sequence[Row]:
        prepared = self._prepared(str(file), Path(file))
        (result,) = results_of(
            [prepared], self.serving, batch_size=self.batch_size, with_embeddings=with_embeddings
        )
        if result.error is not None:
            raise DataError(f"{file}: {result.error.removeprefix(f'{file}: ')}")
        return result.rows

    def _num(self, rows: Sequence[Row]) -> int:
        """How many rows are parts of the file, and no votes."""
        return sum(row.offset != MAJORITY for row in rows)

    def _prepared(self, name: str, path: Path) -> Prepared:
        prepared = Prepared(name)
        try:
            signal = self.serving.file_handler.load(str(path))
            if isinstance(signal, str):
                raise DataError("the model takes no files: its run did not learn from files")
            if isinstance(signal, torch.Tensor) and not signal.numel():
                raise DataError("it holds no samples")
            parts = list(self.windows.cut(signal))
            prepared.features = self.serving.features_of_all([part for _, part in parts])
            prepared.offsets = [offset for offset, _ in parts]
        # Of a decoder, of a library, of a transform of the user's own: the other files go on.
        except Exception as error:
            return Prepared(name, error=told(error))
        return prepared

    def _num_threads(self) -> int:
        """Code of others is only called by one thread."""
        steps = (self.serving.pipeline, self.serving.transform)
        is_own = native_format(self.serving.file_handler) is not None and all(
            is_ours(step) for compose in steps for step in getattr(compose, "transforms", [compose])
        )
        return min(os.cpu_count() or 1, MOST_THREADS) if is_own else 1


def find_files(root: Path, extension: str, recursive: bool) -> list[str]:
    """Files of a folder by their suffix, relative to it, sorted.

    Args:
        root: The folder.
        extension: The suffix, with or without its dot, in capitals or not; several with commas.
        recursive: Look into folders below too; links to folders are not followed.
    """
    suffixes = tuple(f".{part.strip().lstrip('.').lower()}" for part in extension.split(","))
    found = []
    for folder, folders, files in os.walk(root):
        if not recursive:
            folders.clear()
        below = Path(folder).relative_to(root)
        found += [(below / file).as_posix() for file in files if file.lower().endswith(suffixes)]
    return sorted(found)


def shown(
    groups: Iterable[list[FileResult]],
    total: int,
    update_frequency: int,
    done: int = 0,
    unit: str = "file",
) -> Iterator[list[FileResult]]:
    """Groups of results, with a progress bar that counts files.

    Args:
        groups: The groups.
        total: Number of all files.
        update_frequency: Files between two looks of the bar; 0 for none.
        done: Files that were done before.
        unit: What is counted.
    """
    if update_frequency < 1:
        yield from groups
        return
    bar = counting_bar("Inference", total, unit, done=done, every=update_frequency)
    try:
        for group in groups:
            bar.update(len(group))
            yield group
    finally:
        bar.close()


def _sample_rate(handler: Any, given: int | None) -> int | None:
    """Samples a second of what a file handler reads.

    Raises:
        ConfigError: if it reads at another rate than was given.
    """
    read = handler.target_sample_rate if isinstance(handler, AudioFileHandler) else None
    if None not in (read, given) and read != given:
        raise ConfigError(
            f"the sample rate is {given} Hz, but the model's file handler reads at {read} Hz; "
            "leave it out"
        )
    return given if read is None else read


def _parts_of(row: Row, labels: Sequence[str]) -> tuple[Any, torch.Tensor, dict[str, Any]]:
    if row.output is None:
        return row.prediction, torch.empty(0), dict.fromkeys(labels)
    return row.prediction, torch.tensor([row.output]), dict(row.probabilities or {})


def _results_in(df: pd.DataFrame) -> list[FileResult]:
    """The results that a table of predictions was made of."""
    known = {"filename", "offset", "prediction", "output"}
    labels = [column for column in df.columns if column not in known]
    rows: dict[str, list[Row]] = {}
    for line in df.to_dict("records"):
        is_vote = line.get("offset") == MAJORITY
        probabilities = None if is_vote else {str(label): line[label] for label in labels}
        output = None if is_vote else list(line["output"])
        row = Row(line.get("offset"), line["prediction"], output, probabilities)
        rows.setdefault(str(line["filename"]), []).append(row)
    return [FileResult(name, found) for name, found in rows.items()]
