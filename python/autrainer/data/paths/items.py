"""Batches of items that Python makes one by one: in line, or ahead by threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from autrainer.data.native.shuffle import IndexArray
from autrainer.data.nonfinite import FiniteCheck, raw_features_checked_by
from autrainer.data.padding import Pad, PaddedBatch
from autrainer.data.paths.base import LoaderContext
from autrainer.data.shape_errors import check_same_shape
from autrainer.errors import DataError
from autrainer.runs.process.intra_op import one_intra_op_thread
from autrainer.runs.process.run_process import ONLY_PROCESS, RunProcess
from autrainer.runs.random.keys import (
    global_generators_kept,
    keyed,
    keyed_batch,
    seed_globals,
)
from autrainer.runs.random.seeds import derived_seed

Collate = Callable[[list[Any]], Any]


@runtime_checkable
class ChangingCollate(Protocol):
    """A collate function that makes a batch and changes it, where that may be done apart.

    Called with items, it gives `change(default(items))`. It promises that `change` draws from keys
    alone and may be called by several threads; batches need not be made of items then.
    """

    default: Collate

    def change(self, batch: Any) -> Any:
        """The changed batch."""

    def __call__(self, items: list[Any]) -> Any:
        """The changed batch of some items."""


@dataclass
class ItemBatches:
    """Makes one batch after the other; can be sent to another process.

    What draws random numbers under way gets those of (seed, epoch, index), the collate function
    those of (seed, epoch, number of the batch), whoever makes the batch. Where several processes
    share a batch, each share has a number of its own for the collate function.

    Args:
        dataset: Makes the items.
        collate_fn: Makes a batch of a list of items.
        seed: Of the loader.
        check: Looks at raw features, or at those of the batch if the dataset does not let it.
        pad: Evens out the lengths of features, for `DataBatch.collate`; None leaves them.
        seeds_globals: Seed the global generators for every item, for code that is not ours.
        process: Whose share of the batches is made.
    """

    dataset: Any
    collate_fn: Collate
    seed: int
    check: FiniteCheck
    pad: Pad | None
    seeds_globals: bool
    process: RunProcess = ONLY_PROCESS

    def __call__(self, epoch: int, number: int, indices: IndexArray) -> Any:
        """The batch of some samples."""

        def describe(position: int) -> str:
            return self._name_of(int(indices[position]))

        with ExitStack() as stack:
            if self.seeds_globals:
                stack.enter_context(global_generators_kept())
            stack.enter_context(raw_features_checked_by(self.check))
            items = self._items(epoch, indices)
            share = number * self.process.world_size + self.process.rank
            stack.enter_context(keyed_batch(self.seed, epoch, share))
            if self.seeds_globals:
                seed_globals(derived_seed(self.seed, epoch, -1 - share))
            batch = self._collated(items, describe)
        if not getattr(self.dataset, "shows_raw_features", False):
            self.check.inspect(getattr(batch, "features", None), describe)
        return batch

    def _items(self, epoch: int, indices: IndexArray) -> list[Any]:
        # In worker threads and processes it is one thread anyway.
        with one_intra_op_thread():
            return [self._item(epoch, index) for index in indices.tolist()]

    def _item(self, epoch: int, index: int) -> Any:
        with keyed(self.seed, epoch, index):
            if self.seeds_globals:
                seed_globals(derived_seed(self.seed, epoch, index))
            return self.dataset[index]

    def _collated(self, items: list[Any], describe: Callable[[int], str]) -> Any:
        if self.pad is None:
            return self._batch(items, describe)
        features, lengths = self.pad([torch.as_tensor(item.features) for item in items], describe)
        for item, row in zip(items, features, strict=True):
            item.features = row
        batch = self.collate_fn(items)
        return PaddedBatch(batch.features, batch.target, batch.index, lengths)

    def _batch(self, items: list[Any], describe: Callable[[int], str]) -> Any:
        try:
            return self.collate_fn(items)
        except DataError:
            features = [getattr(item, "features", None) for item in items]
            if all(isinstance(sample, (torch.Tensor, np.ndarray)) for sample in features):
                # The collate function knows positions in the batch, and not whose they are.
                check_same_shape(features, describe)
            raise

    def _name_of(self, index: int) -> str:
        name_of = getattr(self.dataset, "name_of", None)
        return name_of(index) if callable(name_of) else f"sample {index} of {self.check.name}"


class ItemsPath:
    """Makes batches in line, or ahead by threads where nothing but our own code is called.

    Args:
        context: What the paths of a loader share.
        make: Makes a batch.
    """

    name = "items"

    def __init__(self, context: LoaderContext, make: ItemBatches) -> None:
        self._context = context
        self._make_batch = make

    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """The batches of a pass from one of them on."""
        if self._context.options.num_workers:
            return self._context.prefetched(self._make, epoch, first)
        return self._context.in_line(self._make, epoch, first)

    def close(self) -> None:
        """Nothing waits for the next pass."""

    def _make(self, epoch: int, number: int, indices: IndexArray) -> Any:
        since = perf_counter()
        batch = self._make_batch(epoch, number, indices)
        if self._context.pins and hasattr(batch, "pin_memory"):
            batch = batch.pin_memory()
        self._context.stages.mark("items", since)
        return batch
