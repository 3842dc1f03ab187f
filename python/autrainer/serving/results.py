"""What a model says about files: rows, and the tables that are made of them."""

from __future__ import annotations

import binascii
import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from autrainer.data.targets import AbstractTargetTransform
from autrainer.runs.extras import imported
from autrainer.runs.writing.files import write_by_name, write_npy, write_text
from autrainer.runs.yaml.nested import write_nested

if TYPE_CHECKING:
    import pandas as pd

MAJORITY = "majority"
"""Stands in the place of the seconds in the row with the vote of all windows of a file."""

FILENAME = "filename"
"""Column of the paths of files."""

FORMATS = ("csv", "parquet")


@dataclass(frozen=True)
class Row:
    """What a model says about a file, or about a part of it.

    Args:
        offset: The seconds of the part; None for a whole file.
        prediction: The decoded prediction.
        output: Outputs of the model, float32 numbers; None for a vote.
        probabilities: Probabilities by label, or values by target; None for a vote.
        embedding: Embedding, if it was asked for.
    """

    offset: str | None
    prediction: Any
    output: list[float] | None
    probabilities: dict[str, float] | None
    embedding: npt.NDArray[Any] | None = None


@dataclass(frozen=True)
class FileResult:
    """What became of a file.

    Args:
        name: Its path in the folder.
        rows: What the model says, part by part; the vote last.
        error: Why there are no rows.
    """

    name: str
    rows: Sequence[Row] = ()
    error: str | None = None


def rows_of(
    targets: AbstractTargetTransform,
    offsets: Sequence[str | None],
    outputs: torch.Tensor,
    embeddings: Sequence[torch.Tensor | None],
) -> list[Row]:
    """The rows of parts of files.

    Args:
        targets: What the outputs mean.
        offsets: The seconds of P parts; None for a whole file.
        outputs: Outputs of the parts, shape (P, K).
        embeddings: Embeddings of the parts; None where they were not asked for.
    """
    probabilities = targets.probabilities_inference(outputs)
    predictions = targets.predict_inference(probabilities)
    labels, numbers = targets.probability_columns(probabilities)
    return [
        Row(
            offset,
            _plain(targets.decode(prediction)),
            output,
            dict(zip(labels, values, strict=True)),
            None if embedded is None else embedded.squeeze().numpy(),
        )
        for offset, prediction, output, values, embedded in zip(
            offsets, predictions, outputs.tolist(), numbers.tolist(), embeddings, strict=True
        )
    ]


def with_vote(targets: AbstractTargetTransform, rows: list[Row]) -> list[Row]:
    """The rows of a file, and the vote where it was cut into windows."""
    if rows[0].offset is None:
        return rows
    vote = _plain(targets.majority_vote([row.prediction for row in rows]))
    return [*rows, Row(MAJORITY, vote, None, None)]


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def frame_of(
    results: Iterable[FileResult], *, embeddings: bool = False, column: str = FILENAME
) -> pd.DataFrame:
    """A table with a row for each part of each file.

    Columns are `filename` (or `column`), `offset` where files were cut, then `prediction`, `output`
    and one for each label; or `embedding`.
    """
    import pandas as pd

    rows = [(result.name, row) for result in results for row in result.rows]
    is_cut = any(row.offset is not None for _, row in rows)
    table: list[dict[str, Any]] = []
    for name, row in rows:
        line: dict[str, Any] = {column: name, **({"offset": row.offset} if is_cut else {})}
        if embeddings:
            if row.embedding is not None:
                table.append({**line, "embedding": row.embedding})
            continue
        line |= {"prediction": row.prediction, "output": row.output or []}
        table.append({**line, **(row.probabilities or {})})
    beside = ["embedding"] if embeddings else ["prediction", "output"]
    empty = None if table else [column, *(["offset"] if is_cut else []), *beside]
    frame: pd.DataFrame = pd.DataFrame(table, columns=empty)
    return frame


def write_table(
    results: Sequence[FileResult], folder: Path, table_format: str, column: str = FILENAME
) -> Path:
    """Write the rows as `results.csv` or `results.parquet`.

    Floats are the shortest texts that read back to the same float32; lists are JSON.

    Raises:
        MissingExtraError: if the library of the format is not installed.
        OutputError: if the file could not be written.
    """
    path = folder / f"results.{table_format}"
    if table_format == "csv":
        write_text(path, _csv(results, column))
        return path
    pyarrow = imported("pyarrow", "--format parquet", "pyarrow", "arrow")
    parquet = imported("pyarrow.parquet", "--format parquet", "pyarrow", "arrow")
    table = pyarrow.Table.from_pandas(frame_of(results, column=column), preserve_index=False)
    write_by_name(path, lambda name: parquet.write_table(table, name))
    return path


def _csv(results: Sequence[FileResult], column: str) -> str:
    rows = [(result.name, row) for result in results for row in result.rows]
    is_cut = any(row.offset is not None for _, row in rows)
    labels = next((list(row.probabilities) for _, row in rows if row.probabilities), [])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = [column, *(["offset"] if is_cut else []), "prediction", "output", *labels]
    writer.writerow(head)
    for name, row in rows:
        values = row.probabilities or {}
        offset = [row.offset] if is_cut else []
        output = f"[{', '.join(_short(row.output or []))}]"
        numbers = _short(map(values.__getitem__, labels)) if values else [""] * len(labels)
        writer.writerow([name, *offset, _cell(row.prediction), output, *numbers])
    return text.getvalue()


def _short(numbers: Iterable[float]) -> Iterator[str]:
    return map(str, np.array([*numbers], np.float32))


def _cell(prediction: Any) -> str:
    """A number as short as it can be read back, a list as JSON, anything else as its text."""
    if isinstance(prediction, list):
        return json.dumps(prediction, ensure_ascii=False)
    return str(prediction)


def write_predictions(results: Sequence[FileResult], folder: Path) -> None:
    """Write `results.yaml`: predictions by file, or by file and seconds where files were cut.

    Raises:
        OutputError: if the file could not be written.
    """
    content = {result.name: _by_offset(result.rows) for result in results if result.rows}
    write_nested(folder / "results.yaml", content)


def numbered_twins(results: Sequence[FileResult]) -> Sequence[FileResult]:
    """Results by names of which no two are the same: by their numbers from 0 on, if some are."""
    if len({result.name for result in results}) == len(results):
        return results
    return [replace(result, name=str(number)) for number, result in enumerate(results)]


def _by_offset(rows: Sequence[Row]) -> Any:
    if rows[0].offset is None:
        return rows[0].prediction
    return {str(row.offset): row.prediction for row in rows}


def stems_of(names: Sequence[str]) -> dict[str, str]:
    """The names of files without their suffix; with it, where only that tells two of them apart.

    >>> stems_of(["a/b.c.wav", "d.wav", "d.flac"])
    {'a/b.c.wav': 'a/b.c', 'd.wav': 'd.wav', 'd.flac': 'd.flac'}
    """
    bare = {name: str(PurePosixPath(name).with_suffix("")) for name in names}
    counts = Counter(bare.values())
    return {name: stem if counts[stem] == 1 else name for name, stem in bare.items()}


def write_embedding(path: Path, embedding: npt.NDArray[Any]) -> None:
    """Write an embedding: as an array (`.npy`), or as torch does (`.pt`)."""
    if path.suffix == ".npy":
        write_npy(path, embedding)
        return
    write_by_name(path, lambda name: torch.save(torch.from_numpy(embedding), name))


def as_json(result: FileResult) -> dict[str, Any]:
    """A result without its embeddings, of plain values; the bytes of numbers as text."""
    parts = [row for row in result.rows if row.output is not None]
    labels = list(parts[0].probabilities or {}) if parts else []
    return {
        "name": result.name,
        "error": result.error,
        "rows": [[row.offset, row.prediction] for row in result.rows],
        "labels": labels,
        "outputs": _packed([row.output for row in parts]),
        "probabilities": _packed([[*(row.probabilities or {}).values()] for row in parts]),
    }


def from_json(content: Mapping[str, Any]) -> FileResult:
    """What `as_json` has made."""
    outputs, numbers = (_unpacked(content[key]) for key in ("outputs", "probabilities"))
    probabilities = [dict(zip(content["labels"], row, strict=True)) for row in numbers]
    rows = [
        Row(offset, prediction, output, named)
        for (offset, prediction), output, named in zip_longest(
            content["rows"], outputs, probabilities
        )
    ]
    return FileResult(content["name"], rows, content["error"])


def _packed(rows: Sequence[Any]) -> list[Any]:
    numbers = np.array(rows, np.float64)
    return [numbers.shape, binascii.b2a_base64(numbers.tobytes(), newline=False).decode()]


def _unpacked(packed: Sequence[Any]) -> list[list[float]]:
    shape, text = packed
    numbers: list[list[float]] = np.frombuffer(binascii.a2b_base64(text)).reshape(shape).tolist()
    return numbers
