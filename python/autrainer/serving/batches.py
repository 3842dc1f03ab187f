"""Parts of files through a model, several at a time.

Which parts share a batch decides over the last bits of what comes out. It depends on the order of
the parts and on their shapes alone, so that the same files give the same results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch

from autrainer.data.targets import AbstractTargetTransform
from autrainer.errors import DataError, message_of
from autrainer.runs.process.intra_op import one_intra_op_thread
from autrainer.serving.model import Serving
from autrainer.serving.results import FileResult, Row, rows_of, with_vote

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
    said = [_said(file, position, batches) for position, file in enumerate(seen)]
    with one_intra_op_thread():
        return _results(said, serving.target_transform)


@dataclass
class _Said:
    """What the model says about the parts of a file: outputs, and embeddings or None for each."""

    file: Prepared
    outputs: list[torch.Tensor]
    embeddings: list[torch.Tensor | None]
    error: str | None = None


def _said(file: Prepared, position: int, batches: _Batches) -> _Said:
    keys = [(position, part) for part in range(len(file.offsets))]
    error = file.error or next((batches.errors[key] for key in keys if key in batches.errors), None)
    if error is not None:
        return _Said(file, [], [], error)
    done = [batches.done.pop(key) for key in keys]
    return _Said(file, [each for each, _ in done], [each for _, each in done])


def _results(said: Sequence[_Said], targets: AbstractTargetTransform) -> list[FileResult]:
    """Results of files, made at once if nothing is wrong with any of them, else one by one."""
    sound = [each for each in said if each.error is None]
    try:
        rows = iter(_rows(sound, targets))
        found = {
            id(each): with_vote(targets, list(islice(rows, len(each.outputs)))) for each in sound
        }
    except Exception as failure:
        if len(said) > 1:
            return [result for each in said for result in _results([each], targets)]
        return [FileResult(said[0].file.name, error=told(failure))]
    return [FileResult(each.file.name, found.get(id(each), ()), error=each.error) for each in said]


def _rows(said: Sequence[_Said], targets: AbstractTargetTransform) -> list[Row]:
    """Rows of all parts of files, in order.

    Raises:
        DataError: if outputs are NaN.
    """
    if not said:
        return []
    outputs = torch.stack([output for each in said for output in each.outputs])
    _refuse_nan(outputs)
    offsets = [offset for each in said for offset in each.file.offsets]
    embeddings = [embedding for each in said for embedding in each.embeddings]
    return rows_of(targets, offsets, outputs, embeddings)


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
