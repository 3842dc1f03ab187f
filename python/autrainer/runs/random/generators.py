"""The global random number generators of a process: where they stand, and back to there."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from autrainer.runs.process.communicator import Communicator
from autrainer.runs.process.run_process import RunProcess
from autrainer.runs.random.seeding import set_seed
from autrainer.runs.random.seeds import SEED_BITS, derived_seed

OTHERS = "others"
"""Beside the states of the main process: those of all other processes of the run, by rank."""

_NUMPY_KEYS = 624


def random_state() -> dict[str, Any]:
    """States of the generators of Python, NumPy, torch and all CUDA devices in use."""
    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    cuda = torch.cuda.get_rng_state_all() if in_use else []
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state(),
        "cuda": cuda,
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Let all generators go on from what `random_state` gave.

    Devices that this machine does not have are left out.
    """
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available():
        for index, cuda in enumerate(state["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(cuda, index)


def states_of_processes(communicator: Communicator) -> dict[str, Any]:
    """`random_state` of the main process of a run, and beside it those of the others, if any."""
    first, *others = communicator.gather(random_state())
    return {**first, OTHERS: others} if others else first


def set_state_of_process(states: Mapping[str, Any], process: RunProcess) -> None:
    """Let the generators of a process go on from what `states_of_processes` gave.

    Where another number of processes kept it, all but the main one begin with seeds of their own.
    """
    others = list(states.get(OTHERS, ()))
    if not process.is_main and len(others) + 1 == process.world_size:
        set_random_state(others[process.rank - 1])
        return
    set_random_state(states)
    if not process.is_main:
        set_seed(derived_seed(random.getrandbits(32), *process.name, bits=SEED_BITS))


def check_random_state(state: Mapping[str, Any]) -> None:
    """Look whether a state is one that `random_state` may have given; the generators stay.

    Raises:
        ValueError: or whatever a generator raises for what is no state of its.
    """
    random.Random().setstate(state["python"])
    _check_numpy(*state["numpy"])
    torch.Generator().set_state(state["torch"])
    for cuda in list(state["cuda"]):
        if not isinstance(cuda, torch.Tensor) or cuda.dtype != torch.uint8 or cuda.dim() != 1:
            raise ValueError("no state of a generator of CUDA")
    for other in state.get(OTHERS, ()):
        check_random_state(other)


def _check_numpy(kind: Any, keys: Any, position: Any, has_gauss: Any, gauss: Any) -> None:
    """NumPy does not check the position: at the next draw it would read beyond its memory."""
    is_state = (
        kind == "MT19937"
        and isinstance(keys, np.ndarray)
        and (keys.dtype, keys.shape) == (np.dtype(np.uint32), (_NUMPY_KEYS,))
        and type(position) is int
        and 0 <= position <= _NUMPY_KEYS
        and has_gauss in (0, 1)
        and isinstance(gauss, (int, float))
    )
    if not is_state:
        raise ValueError(f"no state of NumPy's generator: {kind!r} at position {position!r}")
