"""Where runs are trained at once: so many at a time, each with its share of cores and GPUs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autrainer.config.schema.sections.training import AUTO
from autrainer.errors import ConfigError
from autrainer.launching.cores import available_cores
from autrainer.launching.gpus import VISIBLE, visible_gpus


@dataclass(frozen=True)
class Slot:
    """A place for one run at a time.

    Args:
        number: From 0 on.
        gpu: UUID of its GPU, or None for the CPU.
    """

    number: int
    gpu: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the environment of a process in this slot has to say."""
        return {} if self.gpu is None else {VISIBLE: self.gpu}


@dataclass(frozen=True)
class SlotTable:
    """All slots of a sweep.

    Args:
        slots: The slots.
        threads: Threads of the numerical libraries in each.
    """

    slots: Sequence[Slot]
    threads: int

    @property
    def has_gpus(self) -> bool:
        """Whether the slots are on GPUs."""
        return any(slot.gpu is not None for slot in self.slots)


def slot_table(
    jobs: int | str,
    jobs_per_gpu: int,
    devices: Sequence[str],
    *,
    gpus: Callable[[], Sequence[str]] = visible_gpus,
    cores: Callable[[], int] = available_cores,
) -> SlotTable:
    """The slots for runs on these devices.

    GPUs are given out where a run asks for CUDA and there are some; one after the other first, so
    that two runs share a GPU only where each has one. Without a GPU runs go on with the CPU.

    Args:
        jobs: How many runs at once, or `auto` for as many as there are GPUs, or cores.
        jobs_per_gpu: How many of them may share a GPU.
        devices: The devices that the runs ask for.
        gpus: UUIDs of the GPUs there are; asked if a run asks for CUDA.
        cores: How many cores there are.

    Raises:
        ConfigError: if a run asks for a GPU of a certain number, or there are too few GPUs.
    """
    num_cores = cores()
    found = gpus() if any(device.split(":")[0] == "cuda" for device in devices) else []
    if not found:
        num = num_cores if jobs == AUTO else int(jobs)
        return SlotTable([Slot(number) for number in range(num)], max(1, num_cores // num))
    _refuse_numbers(devices)
    most = len(found) * jobs_per_gpu
    num = most if jobs == AUTO else int(jobs)
    if num > most:
        raise ConfigError(
            f"jobs is {num}, but {len(found)} GPUs take {most} runs at once; use jobs=auto, or let "
            f"more runs share a GPU with jobs_per_gpu={-(-num // len(found))}"
        )
    slots = [Slot(number, found[number % len(found)]) for number in range(num)]
    return SlotTable(slots, max(1, num_cores // num))


def _refuse_numbers(devices: Sequence[str]) -> None:
    for device in devices:
        kind, _, number = device.partition(":")
        if kind == "cuda" and number not in ("", "0"):
            raise ConfigError(
                f"device is {device!r}, but runs that train at once are given GPUs: use "
                f"device=cuda, and leave GPUs out with {VISIBLE}"
            )
