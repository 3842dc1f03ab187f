"""Parts of files through a model, several at a time.

Which parts share a batch decides over the last bits of what comes out. It depends on the order of
the parts and on their shapes alone, so that the same files give the same results.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from autrainer.errors import DataError, message_of
from autrainer.runs.process.intra_op import one_intra_op_thread
from autrainer.serving.model import Serving
from autrainer.serving.results import FileResult, rows_of

WAITING_BYTES = 256 * 2**20
"""Features of so many bytes may wait for others of their shape."""


@dataclass
class Prepared:
    """A file, ready for the model.

    Args:
        name: Its path in the folder.
        offsets: The seconds of each part; None for a whole file.
        features: Features of each part.
        error: Why there are none.
    """

    name: str
    offsets: list[str | None] = field(default_factory=list)
    features: list[torch.Tensor] = field(default_factory=list)
    error: str | None = None


def results_of(
    files: Iterable[Prepared], serving: Serving, *, batch_size: int, with_embeddings: bool
) -> list[FileResult]:
    """What the model says about some files.

    Args:
        files: The files; the features of each are released as soon as they are not needed.
        serving: The model.
        batch_size: Most parts that go through the model at once.
        with_embeddings: Keep their embeddings too.
    """
    batches = _Batches(serving, batch_size, with_embeddings)
    seen: list[Prepared] = []
    for position, file in enumerate(files):
        for part, features in enumerate(file.features):
            batches.add((position, part), features)
        file.features = []
        seen.append(file)
    batches.finish()
    return [_result(file, position, batches, serving) for position, file in enumerate(seen)]


def _result(file: Prepared, position: int, batches: _Batches, serving: Serving) -> FileResult:
    keys = [(position, part) for part in range(len(file.offsets))]
    error = file.error or next((batches.errors[key] for key in keys if key in batches.errors), None)
    if error is not None:
        return FileResult(file.name, error=error)
    try:
        outputs, embeddings = zip(*(batches.done.pop(key) for key in keys), strict=True)
        stacked = torch.stack(outputs)
        _refuse_nan(stacked)
        with one_intra_op_thread():
            rows = rows_of(serving.target_transform, file.offsets, stacked, embeddings)
    except Exception as failure:
        return FileResult(file.name, error=told(failure))
    return FileResult(file.name, rows)


def _refuse_nan(outputs: torch.Tensor) -> None:
    """Refuse outputs, shape (P, K), of which the largest would be no prediction.

    Raises:
        DataError: if one of them is NaN.
    """
    is_bad = outputs.isnan()
    if is_bad.any():
        bad = int(is_bad.flatten(1).any(dim=1).sum())
        parts = "" if len(outputs) == 1 else f" for {bad} of {len(outputs)} windows"
        raise DataError(
            f"the model's outputs are NaN{parts}: the recording may hold NaN, or the weights do"
        )


def told(error: BaseException) -> str:
    """An error in one line."""
    text = " ".join(message_of(error).split())
    return (
        text
        if text and isinstance(error, (ValueError, OSError))
        else (f"{type(error).__name__}: {text}" if text else type(error).__name__)
    )


class _Batches:
    """Parts by their shape, waiting for as many as make a batch."""

    def __init__(self, serving: Serving, batch_size: int, with_embeddings: bool) -> None:
        self.done: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor | None]] = {}
        self.errors: dict[tuple[int, int], str] = {}
        self._serving = serving
        self._batch_size = batch_size
        self._with_embeddings = with_embeddings
        self._waiting: dict[Any, list[tuple[tuple[int, int], torch.Tensor]]] = {}
        self._bytes = 0

    def add(self, key: tuple[int, int], features: torch.Tensor) -> None:
        """Let a part wait, and a batch go through the model once it is complete."""
        shape = self._serving.evenness_of(features)
        self._waiting.setdefault(shape, []).append((key, features))
        self._bytes += features.nbytes
        if len(self._waiting[shape]) >= self._batch_size:
            self._run(shape)
        while self._bytes > WAITING_BYTES:
            self._run(max(self._waiting, key=lambda s: sum(f.nbytes for _, f in self._waiting[s])))

    def finish(self) -> None:
        """Let everything that waits go through the model."""
        for shape in list(self._waiting):
            self._run(shape)

    def _run(self, shape: Any) -> None:
        batch = self._waiting.pop(shape)
        self._bytes -= sum(features.nbytes for _, features in batch)
        try:
            self._forward(batch)
        except Exception as error:
            if len(batch) == 1:
                self.errors[batch[0][0]] = told(error)
                return
            # One of them is the cause; the others are not to go without an answer.
            for one in batch:
                try:
                    self._forward([one])
                except Exception as single:
                    self.errors[one[0]] = told(single)

    def _forward(self, batch: list[tuple[tuple[int, int], torch.Tensor]]) -> None:
        outputs, embeddings = self._serving.forward(
            [features for _, features in batch], with_embeddings=self._with_embeddings
        )
        for position, (key, _) in enumerate(batch):
            embedding = None if embeddings is None else embeddings[position]
            self.done[key] = outputs[position], embedding
