"""Which way batches of a split are made."""

from __future__ import annotations

from typing import Any

import torch

from autrainer.data.items import DataBatch
from autrainer.data.padding import Pad
from autrainer.data.paths.arrays import ArraysPath
from autrainer.data.paths.base import Assembler, Path, Setting, ShapesDifferError
from autrainer.data.paths.feature_reader import SampleReader
from autrainer.data.paths.files import StreamPath
from autrainer.data.paths.items import Collate, ItemBatches, ItemsPath
from autrainer.data.paths.resident import ResidentLoading, TableReader, resident_limit
from autrainer.data.paths.workers import WorkersPath
from autrainer.data.split_source import Files, Finish, ItemsOnly, Source, source_of


def choose_path(dataset: Any, collate_fn: Collate, setting: Setting) -> tuple[Path, str]:
    """The fastest way that gives what items one by one would give, and why it is taken."""
    source = source_of(dataset)
    if collate_fn != DataBatch.collate:
        source = ItemsOnly("the collate function is not that of DataBatch")
    if isinstance(source, ItemsOnly):
        return _by_items(dataset, collate_fn, setting, source), source.reason
    if isinstance(source.features, Files):
        return _by_files(setting, source, source.features)
    return _by_arrays(setting, source, TableReader(source.features, setting.options.name))


def _by_arrays(setting: Setting, source: Source, reader: TableReader) -> tuple[Path, str]:
    setting.check.look_at(reader.table, reader.describe)
    table, reason = _resident(setting, source, reader) if source.fixed else (reader.table, "")
    finishes = _some(source.varying)
    if table is None:
        table, finishes = reader.table, _some(source.fixed, source.varying)
    assemble = Assembler(setting, source.targets, finishes, source.dtype, reader.describe)
    return ArraysPath(setting, table, source.targets, assemble), reason or "they lie in memory"


def _by_items(dataset: Any, collate_fn: Collate, setting: Setting, source: ItemsOnly) -> Path:
    options = setting.options
    is_ours = source.is_thread_safe
    make = ItemBatches(
        dataset,
        collate_fn,
        options.seed,
        setting.check,
        options.pad,
        seeds_globals=not is_ours,
    )
    if options.num_workers and not is_ours:
        return WorkersPath(setting, make)
    return ItemsPath(setting, make)


def _by_files(setting: Setting, source: Source, files: Files) -> tuple[Path, str]:
    options = setting.options

    def open_reader(pad: Pad | None = options.pad) -> SampleReader:
        return SampleReader(
            files, setting.check, setting.stages, num_threads=options.num_workers, pad=pad
        )

    # What is kept is not padded before it is known to be of one length.
    reader = open_reader(None)
    table, reason = _resident(setting, source, reader)
    finishes = _some(source.varying) if table is not None else _some(source.fixed, source.varying)
    # What is kept has the dtype already, unless the rest of the transforms comes after it.
    dtype = None if table is not None and not finishes else source.dtype
    reader.close()
    assemble = Assembler(setting, source.targets, finishes, dtype, files.name_of)
    if table is None:
        return StreamPath(setting, open_reader, assemble), reason
    return ArraysPath(setting, table, source.targets, assemble), reason


def _resident(
    setting: Setting, source: Source, reader: SampleReader | TableReader
) -> tuple[torch.Tensor | None, str]:
    """Features with all that never varies done to them, if they may be kept; and why, or not."""
    options = setting.options
    if options.resident_mb == 0:
        return None, "resident_mb is 0"
    limit_bytes = resident_limit(options.resident_mb)
    loading = ResidentLoading(
        reader,
        len(source.targets),
        source.fixed,
        None if source.varying else source.dtype,
        options.num_workers,
    )
    try:
        table = loading.load(limit_bytes)
    except ShapesDifferError:
        if source.varying is None and options.pad is None:
            raise
        return None, "the samples have different shapes"
    if table is None:
        return None, f"their features take more than {limit_bytes / 2**20:g} MiB"
    return table, f"{table.nbytes / 2**20:.1f} MiB of features are kept in memory"


def _some(*finishes: Finish | None) -> tuple[Finish, ...]:
    return tuple(finish for finish in finishes if finish is not None)
