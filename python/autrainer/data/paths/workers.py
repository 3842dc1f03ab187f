"""Batches by torch's worker processes, for code of users that was written for them."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from autrainer import _core
from autrainer.data.native.shuffle import IndexArray
from autrainer.data.paths.base import LoaderContext
from autrainer.data.paths.items import ItemBatches
from autrainer.data.paths.prefetch import timeout_error
from autrainer.data.paths.worker_transfer import (
    PackedBatch,
    ReceivedBatch,
    is_shared_memory_error,
    shared_memory_advice,
    shared_memory_error,
    shared_memory_size,
)
from autrainer.data.samplers.batch_order import BatchOrder
from autrainer.errors import DataError
from autrainer.fast.workers import end_workers, exit_codes
from autrainer.runs.process.signals import stops_deferred
from autrainer.runs.random.seeding import set_seed
from autrainer.runs.random.seeds import worker_seed

log = logging.getLogger(__name__)

BUS_ERROR = getattr(signal, "SIGBUS", 0)


class WorkersPath:
    """Serves passes by a `torch.utils.data.DataLoader` whose processes live on between passes.

    Args:
        context: What the paths of a loader share.
        make: Makes a batch, in a process.
    """

    name = "workers"

    def __init__(self, context: LoaderContext, make: ItemBatches) -> None:
        self._context = context
        self._make = make
        self._batches_of_pass = _BatchesOfPass(context.order)
        self._loader: torch.utils.data.DataLoader[Any] | None = None
        # Those of the parent, in a process that was forked: kept, for they may not be shut down.
        self._loaders_of_parents: list[Any] = []
        self._pid = os.getpid()
        self._has_warned = False

    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """The batches of a pass from one of them on."""
        self._forget_loader_of_parent()
        if self._loader is None:
            self._loader = self._new_loader()
        self._batches_of_pass.position = (epoch, first)
        return self._context.timed_wait(self._received_batches(self._start_pass(self._loader)))

    def _start_pass(self, loader: torch.utils.data.DataLoader[Any]) -> Iterator[Any]:
        """The batches of a pass; the first one starts the processes.

        Raises:
            DataError: if they cannot be started.
        """
        try:
            with stops_deferred():
                return iter(loader)
        except OSError as error:
            name = self._context.options.name
            raise DataError(
                f"the worker processes of the {name} loader cannot be started: {error} "
                f"({shared_memory_size()}); set num_workers to 0, or raise what is used up: "
                "shared memory, processes, memory"
            ) from error

    def close(self) -> None:
        """End the processes."""
        self._forget_loader_of_parent()
        loader, self._loader = self._loader, None
        if loader is not None:
            end_workers(loader)

    def _forget_loader_of_parent(self) -> None:
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._loaders_of_parents.append(self._loader)
            self._loader = None

    def _received_batches(self, batches: Iterator[Any]) -> Iterator[Any]:
        """What the processes send; their errors are raised here as if there were no processes."""
        options = self._context.options
        name = f"{options.name} loader"
        try:
            for received in batches:
                if isinstance(received, _Failure):
                    raise received.error from WorkerError(received.traceback)
                self._warn_if_copied(received, name)
                yield received.batch
                del received
        except RuntimeError as error:
            if str(error).startswith("DataLoader timed out"):
                raise timeout_error(name, options.timeout) from error
            if is_shared_memory_error(error) or self._has_bus_error():
                raise shared_memory_error(name) from error
            raise

    def _has_bus_error(self) -> bool:
        """Whether a process was ended because it wrote beyond what there is of shared memory."""
        return BUS_ERROR != 0 and -BUS_ERROR in exit_codes(self._loader)

    def _warn_if_copied(self, received: ReceivedBatch, name: str) -> None:
        if received.is_copied and not self._has_warned:
            self._has_warned = True
            log.warning(
                "%s: shared memory has no room for the batches of worker processes (%s), so they "
                "are copied through pipes, which takes longer; %s",
                name,
                shared_memory_size(),
                shared_memory_advice(),
            )

    def _new_loader(self) -> torch.utils.data.DataLoader[Any]:
        options = self._context.options
        return torch.utils.data.DataLoader(
            _BatchMap(self._make),
            batch_sampler=self._batches_of_pass,  # type: ignore[arg-type]  # batches know their pass
            collate_fn=_unchanged,
            num_workers=options.num_workers,
            pin_memory=self._context.pins,
            timeout=options.timeout,
            prefetch_factor=options.prefetch_factor,
            pin_memory_device=options.pin_memory_device if self._context.pins else "",
            worker_init_fn=_WorkerStart(options.worker_init_fn),
            persistent_workers=True,
            # Of its own: torch would else draw from the global one at every pass.
            generator=torch.Generator().manual_seed(options.seed),
        )


class _BatchesOfPass(torch.utils.data.Sampler[tuple[int, int, IndexArray]]):
    """The batches of the pass that is due: its number, theirs, their indices.

    A torch `DataLoader` opens its sampler more than once for the same pass, so opening changes
    nothing. It knows no loader: a loader that is dropped takes its workers along at once.
    """

    def __init__(self, order: BatchOrder) -> None:
        self._order = order
        self.position = (0, 0)

    def __iter__(self) -> Iterator[tuple[int, int, IndexArray]]:
        epoch, first = self.position
        return ((epoch, number, indices) for number, indices in self._order.batches(epoch, first))


class _BatchMap(torch.utils.data.Dataset[Any]):
    """What a worker process looks batches up in."""

    def __init__(self, make: ItemBatches) -> None:
        self._make = make

    def __len__(self) -> int:
        return len(self._make.dataset)

    def __getitems__(self, batch: tuple[int, int, IndexArray]) -> Any:
        try:
            return PackedBatch.of(self._make(*batch))
        except Exception as error:
            if not _can_be_pickled(error):
                # Torch sends its text.
                raise
            return _Failure(error, traceback.format_exc())


@dataclass(frozen=True)
class _WorkerStart:
    """What a worker process does first: a run that is asked to stop needs it to its last batch.

    Args:
        init_fn: What the options of the loader have a worker do besides.
    """

    init_fn: Callable[[int], None] | None

    def __call__(self, worker: int) -> None:
        _core.leave_signals_to_parent()
        if self.init_fn is not None:
            self.init_fn(worker)


class WorkerError(Exception):
    """Where in a worker process an error comes from: the text of its traceback."""


@dataclass(frozen=True)
class _Failure:
    """An error instead of a batch.

    Args:
        error: The error.
        traceback: Where in the process it comes from.
    """

    error: Exception
    traceback: str


def _can_be_pickled(error: Exception) -> bool:
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return type(copy) is type(error) and str(copy) == str(error)


def _unchanged(batch: Any) -> Any:
    return batch


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
        set_seed(worker_seed(self.seed, worker))
        if self.transform is not None:
            self.transform.offset_generator_seed(worker)
