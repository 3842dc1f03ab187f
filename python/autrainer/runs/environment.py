"""Where a run takes place: its device, its machine, and the packages it runs with."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import platform
import sys
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autrainer import __version__
from autrainer.runs.layout import HARDWARE_FILE, REQUIREMENTS_FILE
from autrainer.runs.process.logfile import warn_once_a_sweep
from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.writing import write_yaml

log = logging.getLogger(__name__)

BYTES_PER_GB = 1024**3
LEFT_OUT = frozenset({"pip", "setuptools", "wheel"})  # as `pip freeze` does


def set_device(device: str) -> torch.device:
    """The device to train on: the wanted one if it works, else the CPU with a warning in a line.

    Args:
        device: A device as torch names it, such as `cuda:0`.
    """
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
        warn_once_a_sweep(
            log, f"device is {device!r}, which cannot be used ({reason}); using 'cpu'"
        )
        return torch.device("cpu")
    return chosen


def get_hardware_info() -> dict[str, Any]:
    """The machine: `system` and `gpu` (None without a CUDA device).

    Within a SLURM job the node is named, and memory and CPU count are those of the job.
    """
    return {"system": _system(os.environ), "gpu": _gpu()}


def numeric_environment(device: torch.device) -> dict[str, str | int]:
    """What the last bits of results depend on, beside the configuration and the data.

    Args:
        device: Where a run computes. It is asked for while the run does: the number of intra-op
            threads is that of this moment.
    """
    found: dict[str, str | int] = {
        "autrainer": __version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "device": device.type,
    }
    if device.type == "cuda":
        cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        return found | {
            "device": f"cuda {torch.cuda.get_device_properties(device).name}",
            "cuda": str(torch.version.cuda),
            "cudnn": str(cudnn),
        }
    return found | {"processor": _processor(), "intra_op_threads": torch.get_num_threads()}


@cache
def _processor() -> str:
    """Name of the processor, which decides about the kernels that libraries choose."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            names = (line.partition(":")[2] for line in file if line.startswith("model name"))
            return next(names).strip()
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def save_hardware_info(output_directory: str | Path) -> None:
    """Write `hardware.yaml` into a run folder."""
    write_yaml(Path(output_directory) / HARDWARE_FILE, get_hardware_info())


def save_requirements(output_directory: str | Path) -> None:
    """Write `requirements.txt` into a run folder: the packages of this interpreter."""
    lines = "".join(f"{line}\n" for line in installed_packages())
    write_text(Path(output_directory) / REQUIREMENTS_FILE, lines)


def installed_packages() -> list[str]:
    """`name==version` of every package this interpreter finds, sorted by name."""
    return [*_packages_of(tuple((entry, _changed_ns(entry)) for entry in sys.path))]


def _changed_ns(folder: str) -> int | None:
    """When a package was last put into a folder or taken out of it."""
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return None


@lru_cache(1)
def _packages_of(path: tuple[tuple[str, int | None], ...]) -> tuple[str, ...]:
    """The packages in these folders as they are now; the next run of a sweep finds the same."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions(path=[entry for entry, _ in path]):
        headers = _headers(distribution)
        name, version = headers.get("Name"), headers.get("Version")
        if name and version and name.lower() not in LEFT_OUT:
            found.setdefault(name.lower().replace("_", "-"), f"{name}=={version}")
    return tuple(found[key] for key in sorted(found))


def _headers(distribution: importlib.metadata.Distribution) -> dict[str, str]:
    """First lines of a package's metadata; parsing all of it takes ten times as long."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    head = text.partition("\n\n")[0].splitlines()
    pairs = (line.partition(": ") for line in head if line.startswith(("Name: ", "Version: ")))
    return {key: value.strip() for key, _, value in pairs}


def _system(environ: Mapping[str, str]) -> dict[str, Any]:
    system: dict[str, Any] = {
        "os": platform.system(),
        "platform": platform.platform(),
        "memory_gb": _memory_gb(),
        "cpu_count": os.cpu_count(),
    }
    if "SLURM_JOB_ID" in environ:
        system["node"] = environ.get("SLURMD_NODENAME") or platform.node()
        memory_mb = environ.get("SLURM_MEM_PER_NODE", "")
        cpus = environ.get("SLURM_CPUS_PER_TASK") or environ.get("SLURM_CPUS_ON_NODE") or ""
        if memory_mb.isdigit():
            system["memory_gb"] = round(int(memory_mb) / 1024, 2)
        if cpus.isdigit():
            system["cpu_count"] = int(cpus)
    return system


def _memory_gb() -> float | None:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        # Windows has no sysconf.
        return None
    return round(size / BYTES_PER_GB, 2)


def _gpu() -> dict[str, Any] | None:
    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    memory_gb = round(properties.total_memory / BYTES_PER_GB, 2)
    return {"name": properties.name, "memory_gb": memory_gb}
