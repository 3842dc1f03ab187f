"""The loader: batches of a dataset, pass after pass, in an order that can be resumed anywhere.

The order of a pass depends on the seed, the number of the pass and the number of samples, and on
nothing else: not on workers, not on how far an earlier pass got, not on other loaders. The same
holds for the bytes of its batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from autrainer.data.device import prefetch_to_device
from autrainer.data.items import DataBatch
from autrainer.data.lengths import lengths_of
from autrainer.data.nonfinite import FiniteCheck
from autrainer.data.options import FEATURES_CACHE_MB, RESIDENT_MB, LoaderOptions
from autrainer.data.paths.base import BatchPath, LoaderContext
from autrainer.data.paths.items import Collate, ItemBatches
from autrainer.data.paths.selection import select_path
from autrainer.data.paths.workers import WorkerSeeding
from autrainer.data.samplers.batch_order import BatchOrder, CheckedOrder, SampleOrder, WholeOrder
from autrainer.data.samplers.buckets import BucketOrder
from autrainer.data.split_source import MapDataset, ResidentArrays
from autrainer.errors import ConfigError
from autrainer.runs.addresses import public_address
from autrainer.runs.process.run_process import ONLY_PROCESS, RunProcess

__all__ = ["Collate", "Loader", "MapDataset", "ResidentArrays", "WorkerSeeding"]

log = logging.getLogger(__name__)


class Loader:
    """Batches of a dataset. Each `iter()` serves one pass, which the attribute `epoch` counts.

    There are four ways to make them, and they give the same bytes; a line in the log (debug) says
    which one a split takes, and why:

    - `arrays`: rows of features that lie in memory, computed or read from files once;
    - `files`: read into the memory of batches, which threads of the core do ahead;
    - `items`: items that Python makes, by threads where nothing but our own code is called;
    - `workers`: the same in processes, where code of users makes items and `num_workers` is set.

    Args:
        dataset: The samples.
        batch_size: Samples per batch; the last batch of a pass may have fewer.
        seed: With the number of a pass, decides its order.
        shuffle: Visit the samples in the order of (seed, pass) instead of their own.
        collate_fn: Makes a batch of a list of samples.
        num_workers: Threads (for `workers`, processes) that make batches ahead; 0 makes them in
            line, when they are asked for.
        pin_memory: Put batches into page-locked memory. Does nothing without CUDA.
        drop_last: Leave out a last batch that is not full.
        timeout: Seconds to wait for a batch of the workers; 0 waits for ever.
        prefetch_factor: Batches that are made ahead for each worker; None for 2.
        pin_memory_device: Device to pin memory for; empty for the current one.
        worker_init_fn: Called in each worker process with its number, before it loads anything.
        resident_mb: Keep the features of files in memory if they take no more than this, in MiB,
            and no more than a quarter of the memory that is free. 0 reads them in every pass.
        nonfinite: What features that are NaN or infinite before any transform are: an `error`, a
            reason to `warn`, or nothing (`ignore`; `allow`, as it was called first, is the same).
        pad: Evens out samples of different lengths at their end: a mapping of `axis` (-1), `to` (a
            length, or `longest` of the batch), `crop` (false) and `value` (0). Batches are
            `PaddedBatch`es then, which hold the `lengths` too. None leaves samples as they are.
        features_cache: Folder for features with all done that never varies: computed once, for all
            runs that read the same content by the same file handler and transforms of autrainer.
            None for none.
        features_cache_mb: What the folder may take, in MiB; features that nobody uses are removed.
        bucket: Give batches samples of similar lengths, so that little has to be filled up: within
            blocks of 64 batches (true), or of another number of them, samples change places. The
            samples of a pass stay the same. Lengths are those along the axis of `pad`, or the last.
        sampler: The samples of every pass and their order; None for all of them, by `shuffle`.
        name: What the dataset is called in errors and in the log.
        process: Which process of the run this loader serves: it gives the share of that process of
            every batch, and None for a batch in which the process has no sample. Position, length
            and order are those of the run, the same in all processes.

    Attributes:
        epoch: Number of the pass, from 0 on, that the next `iter()` serves. It grows by one when a
            pass has been exhausted, but not when an iterator is dropped before.

    Raises:
        ConfigError: naming an option that has a value it cannot have.
    """

    num_workers: int
    pin_memory: bool
    drop_last: bool
    timeout: float
    prefetch_factor: int | None
    pin_memory_device: str

    def __init__(
        self,
        dataset: MapDataset,
        *,
        batch_size: int,
        seed: int,
        shuffle: bool,
        collate_fn: Collate,
        num_workers: int = 0,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        prefetch_factor: int | None = None,
        pin_memory_device: str = "",
        worker_init_fn: Callable[[int], None] | None = None,
        resident_mb: int = RESIDENT_MB,
        nonfinite: str = "error",
        pad: Any = None,
        features_cache: str | None = None,
        features_cache_mb: int = FEATURES_CACHE_MB,
        bucket: bool | int = False,
        sampler: SampleOrder | None = None,
        name: str = "data",
        process: RunProcess = ONLY_PROCESS,
    ) -> None:
        self.options = LoaderOptions(
            batch_size=batch_size,
            seed=seed,
            shuffle=shuffle,
            num_workers=num_workers,
            pin_memory=pin_memory,
            drop_last=drop_last,
            timeout=timeout,
            prefetch_factor=prefetch_factor,
            pin_memory_device=pin_memory_device,
            worker_init_fn=worker_init_fn,
            resident_mb=resident_mb,
            nonfinite=nonfinite,
            pad=pad,
            features_cache=features_cache,
            features_cache_mb=features_cache_mb,
            bucket=bucket,
            name=name,
        )
        if pad is not None and collate_fn != DataBatch.collate:
            raise ConfigError(
                f"{name} loader: pad needs the collate function DataBatch.collate; pad in the one "
                "you use instead, and remove the option"
            )
        _check_shares(self.options, sampler, process)
        vars(self).update(vars(self.options))
        self.dataset = dataset
        self.collate_fn = collate_fn
        self.num_samples = len(dataset)
        self.sampler = sampler
        order: SampleOrder = WholeOrder(self.num_samples, seed, shuffle)
        if sampler is not None:
            order = CheckedOrder(sampler, self.num_samples)
        if self.options.bucket_batches:
            order = self._bucketed(order)
        self._context = LoaderContext(
            self.options,
            BatchOrder(order, batch_size, drop_last, process),
            FiniteCheck(self.options.nonfinite, name),
        )
        self._num_batches = len(self._context.order)
        self._num_shared = self._context.order.num_shared
        self._path: BatchPath | None = None
        self.epoch = 0
        self._first_batch = 0
        # The pass that was begun last, and the next batch that it has to give.
        self._position: tuple[int, int] | None = None
        self._num_passes = 0

    def __len__(self) -> int:
        """Number of batches of a whole pass."""
        return self._num_batches

    @property
    def last_batch_size(self) -> int:
        """Samples of the last batch of a pass; 0 if there is no batch."""
        size = self.options.batch_size
        num = self.num_samples if self.sampler is None else len(self.sampler)
        return min(num, num - size * (len(self) - 1)) if len(self) else 0

    def first_sample(self, times: int = 1) -> Any:
        """A batch of the first sample, as items make it: with its length if it is padded.

        Args:
            times: How often the sample is in it.
        """
        options = self.options
        make = ItemBatches(
            self.dataset,
            self.collate_fn,
            options.seed,
            FiniteCheck("ignore", options.name),
            options.pad,
            seeds_globals=True,
        )
        return make(0, 0, np.zeros(times, dtype=np.int64))

    def start_at(self, epoch: int, batch: int = 0) -> None:
        """Let the next `iter()` serve a pass from one of its batches on, as if it were resumed.

        Raises:
            ConfigError: if there is no such pass or batch.
        """
        if not 0 <= epoch < 2**63 or not 0 <= batch <= len(self):
            raise ConfigError(
                f"the {self.options.name} loader cannot start at pass {epoch}, batch {batch}: "
                f"passes count from 0, and one has {len(self)} batches"
            )
        self.epoch = epoch
        self._first_batch = batch
        self._position = None

    def __iter__(self) -> Iterator[Any]:
        """Batches of the pass `epoch`."""
        return self._serve_pass(*self._begin_pass(), lambda batches: batches)

    def batches_on(self, device: torch.device | str) -> Iterator[Any]:
        """Batches of the pass `epoch`, on a device.

        For CUDA, the next batch is copied from pinned memory while the model works on the one
        before, and nobody waits on the CPU for the device. For any other device batches are left
        where they are, as `iter()` gives them.
        """
        target = torch.device(device)
        if target.type != "cuda":
            return iter(self)
        self._context.is_for_cuda = True
        return self._serve_pass(
            *self._begin_pass(),
            lambda batches: prefetch_to_device(batches, target, self._context.stages),
        )

    def stage_seconds(self) -> dict[str, float]:
        """Seconds that each stage of loading took so far, summed over threads.

        `order`, `read`, `transform`, `collate`, `items` and `transfer` are work; `wait` is how
        long batches that were made ahead were waited for.
        """
        return self._context.stages.seconds()

    def state_dict(self) -> dict[str, Any]:
        """Position: the pass that was begun last, and the next batch that it has to give.

        Batches that were prefetched and not given yet do not count.
        """
        epoch, batch = self._position or (self.epoch, self._first_batch)
        return {"epoch": epoch, "batch": batch, **self._identity()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another loader of the same samples stood; workers do not matter.

        Raises:
            ConfigError: naming what is different, or a position that there cannot be.
        """
        expected = {"bucket": 0, **self._identity()}
        # States that were kept before there were buckets do not tell of them.
        state = {"bucket": 0, **state}
        missing = [key for key in ("epoch", "batch", *expected) if key not in state]
        if missing:
            raise ConfigError(
                f"the state of the {self.options.name} loader lacks {', '.join(missing)}"
            )
        different = [
            f"{key} was {state[key]!r} and is {value!r}"
            for key, value in expected.items()
            if state[key] != value
        ]
        if different:
            raise ConfigError(
                f"the {self.options.name} loader cannot go on from this state: "
                f"{'; '.join(different)}"
            )
        self.start_at(int(state["epoch"]), int(state["batch"]))

    def close(self) -> None:
        """End threads and processes that wait for a pass; a later `iter()` starts new ones."""
        if self._path is not None:
            self._path.close()

    def __getstate__(self) -> dict[str, Any]:
        """Another process chooses its own path, with its own threads and memory."""
        return {**vars(self), "_path": None}

    def _identity(self) -> dict[str, Any]:
        """What has to be the same for a position to mean the same batch."""
        options = self.options
        bucket = {"bucket": options.bucket_batches} if options.bucket_batches else {}
        return {
            **bucket,
            "seed": options.seed,
            "num_samples": self.num_samples,
            "batch_size": options.batch_size,
            "shuffle": options.shuffle,
            "drop_last": options.drop_last,
            "sampler": None if self.sampler is None else _describe_sampler(self.sampler),
        }

    def _bucketed(self, order: SampleOrder) -> SampleOrder:
        options = self.options
        axis = -1 if options.pad is None else options.pad.axis
        return BucketOrder(
            order,
            lengths_of(self.dataset, axis, options.name),
            options.batch_size,
            options.bucket_batches,
            options.seed,
            options.shuffle,
        )

    def _begin_pass(self) -> tuple[int, int]:
        epoch, first, self._first_batch = self.epoch, self._first_batch, 0
        self._position = (epoch, first)
        return epoch, first

    def _serve_pass(
        self, epoch: int, first: int, wrap: Callable[[Iterator[Any]], Iterator[Any]]
    ) -> Iterator[Any]:
        """A pass; what has been got of it counts, not what was made."""
        path = self._chosen_path()
        self._num_passes += 1
        number = self._num_passes
        batches = wrap(path.batches(epoch, first))
        for got, batch in enumerate(batches, first + 1):
            # An older pass may still run beside the one that was begun last.
            if number == self._num_passes:
                self._position = (epoch, got)
            yield batch
            del batch
        for got in range(max(first, self._num_shared), len(self)):
            if number == self._num_passes:
                self._position = (epoch, got + 1)
            yield None
        # Only the pass that is due counts.
        if self.epoch == epoch:
            self.epoch = epoch + 1
        if number == self._num_passes:
            self._position = None

    def _chosen_path(self) -> BatchPath:
        if self._path is None:
            self._path, reason = select_path(self.dataset, self.collate_fn, self._context)
            log.debug(
                "%s loader: %d samples by path %r (%s)",
                self.options.name,
                self.num_samples,
                self._path.name,
                reason,
            )
        return self._path


def _check_shares(options: LoaderOptions, sampler: SampleOrder | None, process: RunProcess) -> None:
    """Refuse what several processes cannot share.

    Raises:
        ConfigError: saying why.
    """
    if options.batch_size < process.world_size:
        raise ConfigError(
            f"{options.name} loader: batch_size is {options.batch_size} for {process.world_size} "
            "processes, which share each batch; use at least one sample for each of them"
        )
    if not process.is_alone and getattr(sampler, "world_size", 1) != 1:
        raise ConfigError(
            f"{options.name} loader: the sampler is made for one of several processes, and the "
            "loader shares its batches already; remove its rank and world_size"
        )


def _describe_sampler(sampler: SampleOrder) -> str:
    """The kind of a sampler and how many samples a pass of it has."""
    shards = getattr(sampler, "rank", 0), getattr(sampler, "world_size", 1)
    return (
        f"{public_address(type(sampler))}({len(sampler)}, rank={shards[0]}, world_size={shards[1]})"
    )
