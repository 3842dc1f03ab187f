"""The checkpoints of a run: models, optimizers and schedulers of some of its iterations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autrainer.runs.layout import BEST, RESUME, STATE_SUFFIX, iteration_of
from autrainer.runs.record.run_record import RunRecord


@dataclass(frozen=True)
class CheckpointFile:
    """A file of a checkpoint.

    Args:
        run: Folder of the run.
        name: Its name, relative to that.
        size: Bytes.
        is_best: It is one of the best iteration.
        iteration: The iteration whose folder it is in; None in other folders.
    """

    run: Path
    name: str
    size: int
    is_best: bool
    iteration: int | None


def checkpoint_files(record: RunRecord) -> Iterator[CheckpointFile]:
    """The files of all checkpoints of a run, without what an interrupted run resumes from."""
    for name, size in record.files():
        *folders, file = name.split("/")
        if file.endswith(STATE_SUFFIX) and RESUME not in folders:
            folder = folders[-1] if folders else ""
            yield CheckpointFile(record.folder, name, size, folder == BEST, iteration_of(folder))
