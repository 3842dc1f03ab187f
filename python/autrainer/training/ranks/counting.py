"""How many processes train a run, and which device each of them has."""

from __future__ import annotations

import os
from collections.abc import Mapping

from autrainer.engine.threads import CHOSEN_BY_THE_USER
from autrainer.errors import ConfigError
from autrainer.runs.process.run_process import RunProcess

ALL = "all"
LOCAL_RANK, LOCAL_SIZE = "LOCAL_RANK", "LOCAL_WORLD_SIZE"


def num_processes(device: str, devices: int | str) -> int:
    """How many processes a configuration asks for on this machine.

    Args:
        device: The device of the configuration, such as `cuda:0`.
        devices: A number, or `all`.

    Raises:
        ConfigError: if there are not so many devices of the kind.
    """
    if devices == 1:
        return 1
    kind, _, first = device.partition(":")
    if kind == "cpu" and devices != ALL:
        return int(devices)
    if kind != "cuda":
        raise ConfigError(
            f"devices is {devices!r} and device is {device!r}; several processes train on "
            "'cuda', or, by number, on 'cpu'"
        )
    import torch

    found = max(0, torch.cuda.device_count() - int(first or 0))
    if devices == ALL:
        return max(1, found)
    if int(devices) > found:
        raise ConfigError(
            f"devices is {devices} and device is {device!r}, and there are {found} from there on; "
            "use fewer, or all"
        )
    return int(devices)


def refuse_other_number(
    devices: int | str, process: RunProcess, environment: Mapping[str, str] = os.environ
) -> None:
    """Refuse a number of devices that is not that of the processes that were started here.

    Raises:
        ConfigError: if so.
    """
    here = int(environment.get(LOCAL_SIZE, process.world_size))
    if devices not in (1, ALL, here):
        raise ConfigError(
            f"devices is {devices}, and {here} processes were started on this machine; leave "
            "devices out, since whoever starts the processes decides"
        )


def device_of(device: str, process: RunProcess) -> str:
    """The device of a process: those of several processes follow each other.

    Where a process sees a single GPU, whoever has started it has chosen that one for it
    (`srun --gpus-per-task=1`).
    """
    kind, _, first = device.partition(":")
    if process.is_alone or kind != "cuda":
        return device
    import torch

    if torch.cuda.device_count() == 1:
        return "cuda:0"
    return f"cuda:{int(first or 0) + int(os.environ.get(LOCAL_RANK, process.rank))}"


def threads_of_process(cores: int, environment: Mapping[str, str] = os.environ) -> int | None:
    """How many threads an operation of a process may be spread over; None if the user has said so.

    Args:
        cores: Cores of this machine, which its processes share.
        environment: The environment of the process.
    """
    if any(name in environment for name in CHOSEN_BY_THE_USER):
        return None
    return max(1, cores // int(environment.get(LOCAL_SIZE, 1)))
