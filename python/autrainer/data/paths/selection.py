"""Which way batches of a split are made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeGuard

import torch

from autrainer.data.items import DataBatch
from autrainer.data.padding import Pad
from autrainer.data.paths.arrays import ArraysPath
from autrainer.data.paths.base import Assembler, BatchPath, LoaderContext
from autrainer.data.paths.cached import CachedFiles, cached
from autrainer.data.paths.files import FeatureReader, FilesPath
from autrainer.data.paths.items import ChangingCollate, Collate, ItemBatches, ItemsPath
from autrainer.data.paths.resident import ResidentLoading, TableReader, resident_limit
from autrainer.data.paths.workers import WorkersPath
from autrainer.data.shape_errors import ShapesDifferError
from autrainer.data.split_source import BatchFunction, Files, ItemsOnly, SplitSource, source_of

SHARE_OF_SLICES = 0.25
"""Crops of no more than this part of a recording are read from the file in every pass.

For larger ones, memory and cache come first: what is decoded once for all passes costs less.
"""


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
    slices = source.slices
    share = None if slices is None else _share_of_slices(context, files, slices)
    if slices is not None and share is not None and share <= SHARE_OF_SLICES:
        return _by_slices(context, slices, f"{share:.0%} of their files are read")
    source, from_cache = cached(source, files, context.options)
    files = source.features if isinstance(source.features, Files) else files
    # What is kept is not padded before it is known to be of one length.
    reader = _reader(context, files, None)
    table, reason = _resident(context, source, reader)
    reader.close()
    if (
        slices is not None
        and share is not None
        and table is None
        and not isinstance(files, CachedFiles)
    ):
        return _by_slices(context, slices, from_cache + reason)
    functions = (
        _present(source.varying) if table is not None else _present(source.fixed, source.varying)
    )
    # What is kept has the dtype already, unless the rest of the transforms comes after it.
    dtype = None if table is not None and not functions else source.dtype
    assemble = Assembler(context, source.targets, functions, dtype, files.name_of)
    if table is None:
        return _files_path(context, files, assemble), from_cache + reason
    return ArraysPath(context, table, source.targets, assemble), from_cache + reason


def _share_of_slices(context: LoaderContext, files: Files, slices: SplitSource) -> float | None:
    """How much of the first recording its crop takes; None where the core cannot read it."""
    assert isinstance(slices.features, Files)
    whole, part = (
        _reader(context, replace(found, format=replace(found.format, steps=())), None)
        for found in (files, slices.features)
    )
    if not (whole.is_native and part.is_native):
        return None
    return part.layout.shape[-1] / max(whole.layout.shape[-1], 1)


def _by_slices(context: LoaderContext, slices: SplitSource, reason: str) -> tuple[BatchPath, str]:
    """Files of which no more is read than a random crop takes; nothing of them can be kept."""
    files = slices.features
    assert isinstance(files, Files)
    functions = _present(slices.varying)
    assemble = Assembler(context, slices.targets, functions, slices.dtype, files.name_of)
    return _files_path(context, files, assemble), f"a random crop comes first; {reason}"


def _files_path(context: LoaderContext, files: Files, assemble: Assembler) -> FilesPath:
    return FilesPath(context, lambda: _reader(context, files, context.options.pad), assemble)


def _reader(context: LoaderContext, files: Files, pad: Pad | None) -> FeatureReader:
    options = context.options
    return FeatureReader(
        files,
        context.check,
        context.stages,
        num_threads=options.num_workers,
        pad=pad,
        seed=options.seed,
    )


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
