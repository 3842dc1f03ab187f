"""Which GPUs this process may use, found without torch or CUDA."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"
COMMAND = ("nvidia-smi", "-L")
WAIT_S = 30.0

_GPU = re.compile(r"^GPU (?P<index>\d+): .*\(UUID: (?P<uuid>[^)]+)\)")
_PART = re.compile(r"^\s+MIG .*\(UUID: (?P<uuid>[^)]+)\)")


def visible_gpus(environ: Mapping[str, str] = os.environ) -> list[str]:
    """UUIDs of the GPUs that this process may use; of parts of them, where they are divided (MIG).

    Numbers would not do: CUDA counts the fastest first, `nvidia-smi` by the bus, and what is
    visible is counted anew in each process.

    Args:
        environ: The environment, whose `CUDA_VISIBLE_DEVICES` may leave some out.
    """
    gpus = _installed()
    if VISIBLE not in environ:
        return [uuid for gpu in gpus for uuid in gpu]
    return _selected(gpus, environ[VISIBLE])


def _installed() -> list[list[str]]:
    """What each GPU of the machine is called: its UUID, or those of its parts."""
    try:
        told = subprocess.run(
            COMMAND, capture_output=True, text=True, timeout=WAIT_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return parse(told)


def parse(told: str) -> list[list[str]]:
    """What `nvidia-smi -L` tells: for each GPU its UUID, or those of its parts.

    >>> parse("GPU 0: NVIDIA H100 (UUID: GPU-a)")
    [['GPU-a']]
    """
    gpus: list[tuple[str, list[str]]] = []
    for line in told.splitlines():
        if gpu := _GPU.match(line):
            gpus.append((gpu["uuid"], []))
        elif (part := _PART.match(line)) and gpus:
            gpus[-1][1].append(part["uuid"])
    return [parts or [uuid] for uuid, parts in gpus]


def _selected(gpus: Sequence[Sequence[str]], visible: str) -> list[str]:
    """The GPUs that a value of `CUDA_VISIBLE_DEVICES` names, as CUDA reads it.

    Everything behind the first name that fits no GPU is left out. Numbers are taken as those of
    `nvidia-smi`, since who sets them has most often read them there.
    """
    known = [uuid for gpu in gpus for uuid in gpu]
    found: list[str] = []
    for name in (part.strip() for part in visible.split(",")):
        if name.isdigit() and int(name) < len(gpus):
            named = list(gpus[int(name)])
        else:
            named = [uuid for uuid in known if name and uuid.startswith(name)][:1]
        if not named:
            break
        found += [uuid for uuid in named if uuid not in found]
    return found
