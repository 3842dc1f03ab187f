"""The options of a loader, as a configuration names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from autrainer.data.padding import Pad
from autrainer.data.samplers.buckets import BUCKET_BATCHES
from autrainer.errors import ConfigError

RESIDENT_MB = 1024
FEATURES_CACHE_MB = 20 * 1024
PREFETCH_FACTOR = 2
NONFINITE = ("error", "warn", "ignore")


@dataclass(frozen=True)
class LoaderOptions:
    """Options of a loader, those of `Loader` under the same names, checked.

    Raises:
        ConfigError: naming every option that has a value it cannot have.
    """

    batch_size: int
    seed: int
    shuffle: bool
    num_workers: int = 0
    pin_memory: bool = False
    drop_last: bool = False
    timeout: float = 0
    prefetch_factor: int | None = None
    pin_memory_device: str = ""
    worker_init_fn: Callable[[int], None] | None = None
    resident_mb: int = RESIDENT_MB
    nonfinite: str = "error"
    pad: Pad | None = None
    features_cache: str | None = None
    features_cache_mb: int = FEATURES_CACHE_MB
    bucket: bool | int = False
    name: str = "data"

    def __post_init__(self) -> None:
        if self.nonfinite == "allow":
            # The spelling of earlier configurations.
            object.__setattr__(self, "nonfinite", "ignore")
        problems = [*filter(None, _value_problems(self))] or [*_idle_options(self)]
        try:
            if self.pad is not None:
                object.__setattr__(self, "pad", Pad.read(self.pad))
        except ConfigError as error:
            problems.append(str(error))
        if problems:
            raise ConfigError("\n".join(f"{self.name} loader: {problem}" for problem in problems))

    @property
    def depth(self) -> int:
        """How many batches workers may have under way or ready."""
        return max(self.num_workers, 1) * (self.prefetch_factor or PREFETCH_FACTOR)

    @property
    def bucket_batches(self) -> int:
        """Batches among which samples are exchanged by their lengths; 0 for none."""
        return BUCKET_BATCHES if self.bucket is True else int(self.bucket)

    @property
    def pins(self) -> bool:
        """Whether batches go into page-locked memory."""
        return self.pin_memory and torch.cuda.is_available()


def _value_problems(options: LoaderOptions) -> list[str | None]:
    prefetch = options.prefetch_factor
    device = options.pin_memory_device
    return [
        _whole("batch_size", options.batch_size, 1),
        _whole("num_workers", options.num_workers, 0),
        _flag("pin_memory", options.pin_memory),
        _flag("drop_last", options.drop_last),
        _seconds("timeout", options.timeout),
        None if prefetch is None else _whole("prefetch_factor", prefetch, 1),
        None
        if isinstance(device, str)
        else f"pin_memory_device is {device!r}; use a device, or ''",
        _whole("resident_mb", options.resident_mb, 0),
        _whole("features_cache_mb", options.features_cache_mb, 1),
        None
        if options.features_cache is None or isinstance(options.features_cache, str)
        else f"features_cache is {options.features_cache!r}; use the path of a folder, or null",
        None
        if isinstance(options.bucket, bool) or _whole("bucket", options.bucket, 2) is None
        else f"bucket is {options.bucket!r}; use true, false, or a number of batches, at least 2",
        None
        if options.nonfinite in NONFINITE
        else f"nonfinite is {options.nonfinite!r}; use one of {', '.join(NONFINITE)}",
    ]


def _idle_options(options: LoaderOptions) -> list[str]:
    """Options that mean nothing without workers."""
    if options.num_workers:
        return []
    named = (("prefetch_factor", options.prefetch_factor), ("timeout", options.timeout))
    return [
        f"{key} is {value!r} without workers; remove it, or set num_workers above 0"
        for key, value in named
        if value
    ]


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
