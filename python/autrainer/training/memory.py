"""Errors of training as a user needs them: what a run held, and what does not fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from autrainer.errors import AutrainerError, ConfigError, OutOfMemoryError
from autrainer.training.blame import BLAMED, is_about_memory, shown, told

GIB = 2**30


def explained(error: BaseException, trainer: Any) -> BaseException:
    """An error as a user needs it.

    Of memory: with figures and advice. Of a model that could not be called with a single sample
    either: as one of model and dataset. Any other as it is.
    """
    if isinstance(error, AutrainerError):
        return error
    if is_about_memory(error):
        return _out_of_memory(error, trainer)
    # A model without a summary has failed on the first sample.
    if isinstance(error, BLAMED) and trainer._mult_adds is None:
        return _does_not_fit(error, trainer)
    return error


def _out_of_memory(error: BaseException, trainer: Any) -> OutOfMemoryError:
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


def _does_not_fit(error: BaseException, trainer: Any) -> ConfigError:
    shape = tuple(getattr(trainer.data.dev_dataset[0].features, "shape", ()))
    config = trainer.run_config
    return ConfigError(
        f"the model {config['model']['id']}, {shown(config['model'])}, does not work on samples of "
        f"the dataset {config['dataset']['id']}, whose features have the shape {shape}: "
        f"{told(error)}"
    )


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
