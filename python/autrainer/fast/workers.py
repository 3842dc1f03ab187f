"""Worker processes of a loader of torch, which it keeps to itself."""

from __future__ import annotations

import threading
from typing import Any

import torch

from autrainer.fast.gate import private

GRACE_S = 2.0
"""How long all workers together may take to end; torch waits five seconds for each."""


def end_workers(loader: torch.utils.data.DataLoader[Any]) -> None:
    """End the processes of a loader now; its next pass starts others.

    Who is in the middle of an item after two seconds is killed. Where torch does not let us, they
    end when nobody holds the loader or a pass of it any more.
    """
    iterator = _iterator_of(loader)
    if iterator is not None:
        loader._iterator = None
        killer = threading.Timer(GRACE_S, _kill, [_left_alone(iterator)])
        killer.daemon = True
        killer.start()
        try:
            iterator._shutdown_workers()
        finally:
            killer.cancel()


def _left_alone(iterator: Any) -> list[Any]:
    """Processes whose end is no longer an error here, however they end."""
    forget = private("torch.utils.data._utils.signal_handling", "_remove_worker_pids")
    if forget is None or not getattr(iterator, "_worker_pids_set", False):
        return []
    forget(id(iterator))
    iterator._worker_pids_set = False
    return list(iterator._workers)


def _kill(workers: list[Any]) -> None:
    for worker in workers:
        worker.kill()


def exit_codes(loader: torch.utils.data.DataLoader[Any] | None) -> list[int]:
    """Exit codes of the processes of a loader that have ended, as far as torch tells."""
    codes = [process.exitcode for process in getattr(_iterator_of(loader), "_workers", ())]
    return [code for code in codes if code is not None]


def _iterator_of(loader: torch.utils.data.DataLoader[Any] | None) -> Any:
    """What gives the batches of a loader, and lives on between passes; None if there is nothing."""
    kind = private("torch.utils.data.dataloader", "_MultiProcessingDataLoaderIter")
    iterator = getattr(loader, "_iterator", None)
    is_known = kind is not None and hasattr(kind, "_shutdown_workers")
    return iterator if is_known and isinstance(iterator, kind) else None
