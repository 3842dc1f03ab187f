"""Runs that need more memory than there is: what they held, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from autrainer.errors import OutOfMemoryError

GIB = 2**30


def explained(error: BaseException, trainer: Any) -> BaseException:
    """An error as a user needs it: one of memory with figures and advice, any other as it is."""
    if isinstance(error, OutOfMemoryError) or not _is_about_memory(error):
        return error
    settings = trainer.settings
    smaller = max(1, settings.batch_size // 2)
    advice = (
        f"try batch_size={smaller}" if settings.batch_size > 1 else "try a smaller model"
    ) + ", a smaller inference_batch_size, or train_loader_kwargs.num_workers=0"
    return OutOfMemoryError(
        f"there was not enough memory on {trainer.DEVICE} with batch_size {settings.batch_size} "
        f"and inference_batch_size {settings.inference_batch_size} ({_held(trainer.DEVICE)}); "
        f"{advice}. What torch said: {str(error).splitlines()[0] if str(error) else error!r}"
    )


def _is_about_memory(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # On the CPU torch says it in words only.
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _held(device: torch.device) -> str:
    if device.type == "cuda":
        held = torch.cuda.memory_allocated(device) / GIB
        most = torch.cuda.max_memory_allocated(device) / GIB
        free, total = (amount / GIB for amount in torch.cuda.mem_get_info(device))
        return f"{held:.2f} GiB held, {most:.2f} at most; {free:.2f} of {total:.2f} GiB free"
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        found = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
        held, most = (int(found[name].split()[0]) / 2**20 for name in ("VmRSS", "VmHWM"))
    except (OSError, KeyError, ValueError, IndexError):
        return "memory held is unknown"
    return f"{held:.2f} GiB held, {most:.2f} at most"
