"""Features by any file handler and any transforms, one recording at a time in each thread."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import torch

from autrainer.config.instantiate import instantiate_shorthand
from autrainer.data.file_handlers import (
    AbstractFileHandler,
    NumpyFileHandler,
    native_format,
    saves_as_ours,
)
from autrainer.data.items import DataItem
from autrainer.datasets.preprocessing import build_preprocessing
from autrainer.errors import DataError
from autrainer.preprocessing.extraction import Extract
from autrainer.preprocessing.jobs import Job
from autrainer.runs.process.intra_op import one_intra_op_thread
from autrainer.runs.random.keys import keyed
from autrainer.runs.writing.files import make_folder, rename, unwritable, write_npy
from autrainer.transforms.base import is_ours
from autrainer.transforms.compose import SmartCompose

_numbers = itertools.count()


def extract_by_torch(job: Job) -> tuple[Extract, bool]:
    """What makes features for a job, and whether several threads may call it: not code of others.

    Raises:
        ConfigError: if the preprocessing cannot be built.
    """
    reader, pipeline = build_preprocessing(job.config, f"preprocessing/{job.preprocessing}")
    writer = instantiate_shorthand(job.handler, instance_of=AbstractFileHandler)
    is_own = native_format(reader) is not None and is_ours(pipeline) and saves_as_ours(writer)
    return _Extract(reader, pipeline, writer), is_own


class _Extract:
    def __init__(
        self, reader: AbstractFileHandler, pipeline: SmartCompose, writer: AbstractFileHandler
    ) -> None:
        self._reader = reader
        self._pipeline = pipeline
        self._writer = writer

    def __call__(self, recording: str, target: Path) -> None:
        signal = self._reader.load(recording)
        if isinstance(signal, torch.Tensor) and not signal.numel():
            raise DataError("it holds no samples")
        with one_intra_op_thread(), keyed(0, 0, 0):
            item: Any = self._pipeline(DataItem(signal, 0, 0))
        _write(self._writer, target, torch.as_tensor(item.features))


def _write(writer: AbstractFileHandler, target: Path, features: torch.Tensor) -> None:
    """Write features whole or not at all, in their dtype, by the handler that will read them."""
    if type(writer) is NumpyFileHandler:
        write_npy(target, features.contiguous().numpy(), synced=False)
        return
    make_folder(target.parent)
    # Libraries look at the suffix to choose a format.
    sibling = target.with_name(f".autrainer-{os.getpid()}-{next(_numbers)}.tmp{target.suffix}")
    try:
        writer.save(str(sibling), features)
        rename(sibling, target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        sibling.unlink(missing_ok=True)
