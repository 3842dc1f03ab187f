"""A folder of recordings through a model, into a folder of results, in as many calls as it takes.

What is done is noted in a journal. A call that was interrupted, at whatever instant, is gone on by
the same call: of the group of files that it was working on, nothing counts. If the model, an
option or a file has changed meanwhile, it begins anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.runs.locking.folders import alone_in
from autrainer.runs.objects import object_yaml
from autrainer.runs.writing.files import make_folder, remove_file, remove_leftovers
from autrainer.runs.writing.opening import reading
from autrainer.runs.yaml.writing import write_yaml
from autrainer.serving.inference import Inference, shown
from autrainer.serving.journal import Journal
from autrainer.serving.model_paths import OBJECT_FILES
from autrainer.serving.results import (
    FILENAME,
    FORMATS,
    FileResult,
    numbered_twins,
    stems_of,
    write_embedding,
    write_predictions,
    write_table,
)

JOURNAL_FILE = "results.partial.jsonl"
FAILED_FILE = "failed.yaml"
EMBEDDINGS = "embeddings"
"""Name of the file with those of all rows of a table, without its suffix."""

EMBEDDING_SUFFIXES = (".npy", ".pt")


@dataclass(frozen=True)
class Outputs:
    """What is written into the folder of results.

    Args:
        folder: The folder.
        table_format: `csv` or `parquet`.
        embeddings: Suffix of the files of embeddings, `.npy` or `.pt`; None for no embeddings.
    """

    folder: Path
    table_format: str = "csv"
    embeddings: str | None = None


def run_directory(
    inference: Inference,
    root: Path,
    names: Sequence[str],
    outputs: Outputs,
    *,
    update_frequency: int = 1,
) -> list[FileResult]:
    """Write what a model says about files: `results.csv`, `results.yaml`, embeddings.

    Args:
        inference: The model and how files are cut.
        root: Folder of the files.
        names: Their paths in it.
        outputs: What is written, and where.
        update_frequency: Files between two looks of the progress bar; 0 for none.

    Returns:
        What became of every file; `failed.yaml` says why some have no result.

    Raises:
        OutputError: if a file of the results could not be written.
        MissingExtraError: if the library of the format is not installed.
    """
    folder = make_folder(outputs.folder)
    with alone_in(folder, "writes results to"):
        remove_leftovers(folder)
        question = _question(inference, root, names, outputs)
        journal = Journal(folder / JOURNAL_FILE, question)
        try:
            results = _finished(inference, root, names, outputs, journal, update_frequency)
        except BaseException:
            journal.close()
            raise
        write_results(results, outputs)
        journal.remove()
    return results


def _finished(
    inference: Inference,
    root: Path,
    names: Sequence[str],
    outputs: Outputs,
    journal: Journal,
    update_frequency: int,
) -> list[FileResult]:
    results = [result for group in journal.groups for result in group]
    stems = stems_of(names)
    groups = inference.results(
        root, names, with_embeddings=outputs.embeddings is not None, start=len(results)
    )
    for group in shown(groups, len(names), update_frequency, done=len(results)):
        if outputs.embeddings is not None:
            for result in group:
                _write_embeddings(result, outputs, stems[result.name])
        journal.append(group)
        results += group
    return results


def _write_embeddings(result: FileResult, outputs: Outputs, stem: str) -> None:
    for row in result.rows:
        if row.embedding is not None:
            end = "" if row.offset is None else f"-{row.offset}"
            path = outputs.folder / f"{stem}{end}{outputs.embeddings}"
            write_embedding(path, row.embedding)


def write_results(results: Sequence[FileResult], outputs: Outputs, column: str = FILENAME) -> None:
    """Write the tables of results, and why some have none.

    Args:
        results: The results.
        outputs: What is written, and where.
        column: Column of their names.

    Raises:
        OutputError: if a file could not be written.
        MissingExtraError: if the library of the format is not installed.
    """
    write_table(results, outputs.folder, outputs.table_format, column)
    results = numbered_twins(results)
    write_predictions(results, outputs.folder)
    failed = {result.name: result.error for result in results if result.error is not None}
    if failed:
        write_yaml(outputs.folder / FAILED_FILE, failed)
    else:
        remove_file(outputs.folder / FAILED_FILE)


def older_files(outputs: Outputs, *, is_table: bool) -> list[Path]:
    """Files by the names of results in the folder that a call has not written, so of others.

    Args:
        outputs: What the call has written.
        is_table: It was about the rows of a table, whose embeddings are one file.
    """
    written = {f"results.{outputs.table_format}", f"{EMBEDDINGS}{outputs.embeddings}"}
    names = [f"results.{each}" for each in FORMATS]
    if is_table:
        names += [f"{EMBEDDINGS}{suffix}" for suffix in EMBEDDING_SUFFIXES]
    paths = [outputs.folder / name for name in names if name not in written]
    return [path for path in paths if path.is_file()]


def _question(
    inference: Inference, root: Path, names: Sequence[str], outputs: Outputs
) -> dict[str, Any]:
    """All that decides over the results, of plain values."""
    serving = inference.serving
    model = [_digest(serving.folder / name) for name in OBJECT_FILES]
    return {
        "model": [*model, _digest(serving.state_path)],
        "preprocessing": [object_yaml(serving.file_handler), object_yaml(serving.pipeline)],
        "device": str(serving.device),
        "windows": vars(inference.windows),
        "batch_size": inference.batch_size,
        "embeddings": outputs.embeddings,
        "files": _digest_of([_state_of(root, name) for name in names]),
    }


def _state_of(root: Path, name: str) -> str:
    try:
        found = (root / name).stat()
    except OSError:
        return f"{name}\0"
    return f"{name}\0{found.st_size}\0{found.st_mtime_ns}"


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with reading(path) as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def _digest_of(texts: Sequence[str]) -> str:
    joined = "\0\0".join(texts).encode(errors="surrogateescape")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()
