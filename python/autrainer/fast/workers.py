"""Worker processes of a loader of torch, which it keeps to itself."""

from __future__ import annotations

from typing import Any

import torch

from autrainer.fast.gate import private


def end_workers(loader: torch.utils.data.DataLoader[Any]) -> None:
    """End the processes of a loader now; its next pass starts others.

    Where torch does not let us, they end when nobody holds the loader or a pass of it any more.
    """
    iterator = _iterator_of(loader)
    if iterator is not None:
        loader._iterator = None
        iterator._shutdown_workers()


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
