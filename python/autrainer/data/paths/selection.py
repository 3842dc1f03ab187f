"""Which way batches of a split are made."""

from __future__ import annotations

from typing import Any, TypeGuard

import torch

from autrainer.data.items import DataBatch
from autrainer.data.padding import Pad
from autrainer.data.paths.arrays import ArraysPath
from autrainer.data.paths.base import Assembler, BatchPath, LoaderContext
from autrainer.data.paths.cached import cached
from autrainer.data.paths.files import FeatureReader, FilesPath
from autrainer.data.paths.items import ChangingCollate, Collate, ItemBatches, ItemsPath
from autrainer.data.paths.resident import ResidentLoading, TableReader, resident_limit
from autrainer.data.paths.workers import WorkersPath
from autrainer.data.shape_errors import ShapesDifferError
from autrainer.data.split_source import BatchFunction, Files, ItemsOnly, SplitSource, source_of


def select_path(dataset: Any, collate_fn: Collate, context: LoaderContext) -> tuple[BatchPath, str]:
    """The fastest way that gives what items one by one would give, and why it is taken."""
    source = source_of(dataset)
    if isinstance(source, SplitSource) and _changes_batches(collate_fn):
        context.change, collate_fn = collate_fn.change, collate_fn.default
    if collate_fn != DataBatch.collate:
        source = ItemsOnly("the collate function is not that of DataBatch")
    if isinstance(source, ItemsOnly):
        return _by_items(dataset, collate_fn, context, source), source.reason
    if isinstance(source.features, Files):
        return _by_files(context, source, source.features)
    return _by_arrays(context, source, TableReader(source.features, context.options.name))


def _changes_batches(collate_fn: Collate) -> TypeGuard[ChangingCollate]:
    return isinstance(collate_fn, ChangingCollate) and collate_fn.default == DataBatch.collate


def _by_arrays(
    context: LoaderContext, source: SplitSource, reader: TableReader
) -> tuple[BatchPath, str]:
    context.check.inspect(reader.table, reader.describe)
    table, reason = _resident(context, source, reader) if source.fixed else (reader.table, "")
    functions = _present(source.varying)
    if table is None:
        table, functions = reader.table, _present(source.fixed, source.varying)
    assemble = Assembler(context, source.targets, functions, source.dtype, reader.describe)
    return ArraysPath(context, table, source.targets, assemble), reason or "they lie in memory"


def _by_items(
    dataset: Any, collate_fn: Collate, context: LoaderContext, source: ItemsOnly
) -> BatchPath:
    options = context.options
    is_ours = source.is_thread_safe
    make = ItemBatches(
        dataset,
        collate_fn,
        options.seed,
        context.check,
        options.pad,
        seeds_globals=not is_ours,
        process=context.order.process,
    )
    if options.num_workers and not is_ours:
        return WorkersPath(context, make)
    return ItemsPath(context, make)


def _by_files(context: LoaderContext, source: SplitSource, files: Files) -> tuple[BatchPath, str]:
    options = context.options
    source, from_cache = cached(source, files, options)
    files = source.features if isinstance(source.features, Files) else files

    def open_reader(pad: Pad | None = options.pad) -> FeatureReader:
        return FeatureReader(
            files, context.check, context.stages, num_threads=options.num_workers, pad=pad
        )

    # What is kept is not padded before it is known to be of one length.
    reader = open_reader(None)
    table, reason = _resident(context, source, reader)
    functions = (
        _present(source.varying) if table is not None else _present(source.fixed, source.varying)
    )
    # What is kept has the dtype already, unless the rest of the transforms comes after it.
    dtype = None if table is not None and not functions else source.dtype
    reader.close()
    assemble = Assembler(context, source.targets, functions, dtype, files.name_of)
    if table is None:
        return FilesPath(context, open_reader, assemble), from_cache + reason
    return ArraysPath(context, table, source.targets, assemble), from_cache + reason


def _resident(
    context: LoaderContext, source: SplitSource, reader: FeatureReader | TableReader
) -> tuple[torch.Tensor | None, str]:
    """Features with all that never varies done to them, if they may be kept; and why, or not."""
    options = context.options
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


def _present(*functions: BatchFunction | None) -> tuple[BatchFunction, ...]:
    return tuple(function for function in functions if function is not None)
