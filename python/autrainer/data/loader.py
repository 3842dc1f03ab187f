"""The loader: batches of a dataset, pass after pass, in an order that can be resumed anywhere.

The order of a pass depends on the seed, the number of the pass and the number of samples, and on
nothing else: not on workers, not on how far an earlier pass got, not on other loaders.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from autrainer.data.collate import gather_rows
from autrainer.data.items import DataBatch
from autrainer.data.sampler import EpochBatchSampler
from autrainer.errors import ConfigError

log = logging.getLogger(__name__)

Collate = Callable[[list[Any]], Any]


@dataclass(frozen=True)
class ResidentArrays:
    """A split that lies in memory, ready for the model.

    The loader copies rows out of it and changes nothing.

    Args:
        features: Shape (N, ...), contiguous.
        targets: Encoded targets, shape (N,) or (N, T), contiguous.
    """

    features: torch.Tensor
    targets: torch.Tensor


class MapDataset(Protocol):
    """What a loader needs of a dataset. It may offer `resident() -> ResidentArrays | None` too."""

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, index: int, /) -> Any:
        """One sample."""


class Loader:
    """Batches of a dataset. Each `iter()` serves one pass, which the attribute `epoch` counts.

    Args:
        dataset: The samples.
        batch_size: Samples per batch; the last batch of a pass may have fewer.
        seed: With the number of a pass, decides its order.
        shuffle: Visit the samples in the order of (seed, pass) instead of their own.
        collate_fn: Makes a batch of a list of samples.
        num_workers: Processes that load samples; 0 loads them in line. A dataset that lies in
            memory is always served in line.
        pin_memory: Put batches into page-locked memory. Does nothing without CUDA.
        drop_last: Leave out a last batch that is not full.
        timeout: Seconds to wait for a batch of the workers; 0 waits for ever.
        prefetch_factor: Batches that each worker loads ahead; None leaves it to torch.
        pin_memory_device: Device to pin memory for; empty for the current one.
        worker_init_fn: Called in each worker with its number, before it loads anything.
        name: What the dataset is called in errors and in the log.

    Attributes:
        epoch: Number of the pass, from 0 on, that the next `iter()` serves. It grows by one when a
            pass has been exhausted, but not when an iterator is dropped before.

    Raises:
        ConfigError: naming an option that has a value it cannot have.
    """

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
        name: str = "data",
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.collate_fn = collate_fn
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.prefetch_factor = prefetch_factor
        self.pin_memory_device = pin_memory_device
        self.worker_init_fn = worker_init_fn
        self.name = name
        self.epoch = 0
        self._first_batch = 0
        self._workers: torch.utils.data.DataLoader[Any] | None = None
        self._arrays: ResidentArrays | None = None
        self._path: str | None = None
        _check_options(self)
        self.num_samples = len(dataset)
        self._order = _Order(
            num_samples=self.num_samples,
            batch_size=batch_size,
            seed=seed,
            shuffle=shuffle,
            drop_last=drop_last,
        )
        self._num_batches = len(self._order.at(0, 0))

    def __len__(self) -> int:
        """Number of batches of a whole pass."""
        return self._num_batches

    def start_at(self, epoch: int, batch: int = 0) -> None:
        """Let the next `iter()` serve a pass from one of its batches on, as if it were resumed.

        Raises:
            ConfigError: if there is no such pass or batch.
        """
        if epoch < 0 or not 0 <= batch <= len(self):
            raise ConfigError(
                f"the {self.name} loader cannot start at pass {epoch}, batch {batch}: passes count "
                f"from 0, and one has {len(self)} batches"
            )
        self.epoch = epoch
        self._first_batch = batch

    def __iter__(self) -> Iterator[Any]:
        """Batches of the pass `epoch`."""
        epoch, first, self._first_batch = self.epoch, self._first_batch, 0
        return self._pass(epoch, first)

    def close(self) -> None:
        """End the worker processes, if there are any; a later `iter()` starts new ones."""
        workers, self._workers = self._workers, None
        iterator = getattr(workers, "_iterator", None)
        if workers is not None and iterator is not None:
            workers._iterator = None
            iterator._shutdown_workers()

    def _pass(self, epoch: int, first: int) -> Iterator[Any]:
        path = self._choose_path()
        if path == "workers":
            yield from self._from_workers(epoch, first)
        else:
            batches = self._from_arrays if path == "arrays" else self._from_items
            yield from batches(self._order.at(epoch, first))
        # Only the pass that is due counts: an older iterator may still run beside it.
        if self.epoch == epoch:
            self.epoch = epoch + 1

    def _choose_path(self) -> str:
        """`arrays`, `items` or `workers`; decided and logged once."""
        if self._path is None:
            reason = self._why_not_arrays()
            if reason is None:
                self._path = "arrays"
            else:
                self._path = "workers" if self.num_workers else "items"
            log.debug(
                "%s loader: %d samples by path %r (%s)",
                self.name,
                self.num_samples,
                self._path,
                reason or "they lie in memory",
            )
        return self._path

    def _why_not_arrays(self) -> str | None:
        if self.collate_fn != DataBatch.collate:
            return "the collate function is not that of DataBatch"
        resident = getattr(self.dataset, "resident", None)
        self._arrays = resident() if callable(resident) else None
        return None if self._arrays is not None else "the samples are made one by one"

    def _from_arrays(self, sampler: EpochBatchSampler) -> Iterator[DataBatch]:
        assert self._arrays is not None
        features, targets = _gatherer(self._arrays.features), _gatherer(self._arrays.targets)
        pinned = self._pins()
        for indices in sampler.batches():
            batch = DataBatch(features(indices), targets(indices), torch.from_numpy(indices))
            yield batch.pin_memory() if pinned else batch

    def _from_items(self, sampler: EpochBatchSampler) -> Iterator[Any]:
        dataset, collate, pinned = self.dataset, self.collate_fn, self._pins()
        for indices in sampler.batches():
            batch = collate([dataset[index] for index in indices.tolist()])
            yield batch.pin_memory() if pinned and hasattr(batch, "pin_memory") else batch

    def _from_workers(self, epoch: int, first: int) -> Iterator[Any]:
        if self._workers is None:
            self._workers = self._start_workers()
        self._order.due = (epoch, first)
        yield from self._workers

    def _start_workers(self) -> torch.utils.data.DataLoader[Any]:
        # A generator of its own: torch would else draw from the global one at every pass.
        generator = torch.Generator().manual_seed(self.seed)
        return torch.utils.data.DataLoader(
            self.dataset,  # type: ignore[arg-type]  # a protocol, not a subclass
            batch_sampler=self._order,
            collate_fn=self.collate_fn,
            num_workers=self.num_workers,
            pin_memory=self._pins(),
            timeout=self.timeout,
            prefetch_factor=self.prefetch_factor,
            pin_memory_device=self.pin_memory_device if self._pins() else "",
            worker_init_fn=self.worker_init_fn,
            persistent_workers=True,
            generator=generator,
        )

    def _pins(self) -> bool:
        return self.pin_memory and torch.cuda.is_available()


def _gatherer(source: torch.Tensor) -> Callable[[npt.NDArray[np.int64]], torch.Tensor]:
    """What copies rows of a table into a tensor of their own."""
    row_shape, dtype = tuple(source.shape[1:]), source.numpy().dtype

    def gather(indices: npt.NDArray[np.int64]) -> torch.Tensor:
        # For a small batch, an empty tensor made by torch costs more than all the rest.
        out = torch.from_numpy(np.empty((len(indices), *row_shape), dtype))
        return gather_rows(source, indices, out)

    return gather


class _Order(torch.utils.data.Sampler[list[int]]):
    """The order of every pass; as a sampler, that of the pass which is due for the workers.

    A torch `DataLoader` opens its sampler more than once for the same pass, so opening changes
    nothing. It knows no loader: a loader that is dropped takes its workers along at once.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self.due = (0, 0)

    def at(self, epoch: int, first: int) -> EpochBatchSampler:
        """The batches of a pass from one of them on."""
        sampler = EpochBatchSampler(**self._options)
        sampler.set_epoch(epoch)
        sampler.start_at(first)
        return sampler

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.at(*self.due))


@dataclass(frozen=True)
class WorkerSeeding:
    """Seeds everything in a loader worker; can be sent to a process that was not forked.

    Args:
        seed: Seed of the dataset; worker i gets seed + i.
        transform: Its own generators are offset by the number of the worker.
    """

    seed: int
    transform: Any = None

    def __call__(self, worker: int) -> None:
        """Seed the process that this is called in."""
        seed = (self.seed + worker) % 2**32
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        if self.transform is not None:
            self.transform.offset_generator_seed(worker)


def _check_options(loader: Loader) -> None:
    problems = [
        problem
        for problem in (
            _whole("batch_size", loader.batch_size, 1),
            _whole("num_workers", loader.num_workers, 0),
            _flag("pin_memory", loader.pin_memory),
            _flag("drop_last", loader.drop_last),
            _seconds("timeout", loader.timeout),
            None
            if loader.prefetch_factor is None
            else _whole("prefetch_factor", loader.prefetch_factor, 1),
            None
            if isinstance(loader.pin_memory_device, str)
            else f"pin_memory_device is {loader.pin_memory_device!r}; use a device, or ''",
        )
        if problem
    ]
    if not problems and loader.num_workers == 0:
        problems = [
            f"{key} is {value!r} without workers; remove it, or set num_workers above 0"
            for key, value in (
                ("prefetch_factor", loader.prefetch_factor),
                ("timeout", loader.timeout),
            )
            if value
        ]
    if problems:
        raise ConfigError("\n".join(f"{loader.name} loader: {problem}" for problem in problems))


def _whole(key: str, value: Any, least: int) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return None
    return f"{key} is {value!r}; use an integer of at least {least}"


def _flag(key: str, value: Any) -> str | None:
    return None if isinstance(value, bool) else f"{key} is {value!r}; use true or false"


def _seconds(key: str, value: Any) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return None
    return f"{key} is {value!r}; use a number of seconds, or 0 to wait for ever"
