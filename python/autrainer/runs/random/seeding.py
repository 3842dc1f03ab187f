"""Where a run's randomness comes from, and how far it can be repeated."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from autrainer.errors import ConfigError
from autrainer.fast.determinism import use_deterministic_algorithms
from autrainer.runs.random.seeds import LARGEST_SEED

CUBLAS_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def set_seed(seed: int) -> None:
    """Seed the generators of Python, NumPy, torch and all of its devices that are there.

    Raises:
        ConfigError: if the seed is not between 0 and 2^32 - 1.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"seed is {seed}; use a number from 0 to {LARGEST_SEED}")
    random.seed(seed)
    np.random.seed(seed)
    if _has_accelerator():
        torch.manual_seed(seed)
    else:
        # torch would keep a traceback for each kind of device that may come yet, every time.
        torch.default_generator.manual_seed(seed)


def set_reproducibility(reproducible: bool, matmul_precision: str | None = None) -> None:
    """Choose between results that can be repeated and speed.

    Args:
        reproducible: True: deterministic algorithms only (an operation that has none is an error),
            full float32 precision, no autotuning. False: the opposite.
        matmul_precision: `highest`, `high` or `medium`, as for
            `torch.set_float32_matmul_precision`; None for `highest` if results can be repeated
            and `high` if not. With the latter two, convolutions of float32 take TF32 as well.
    """
    if reproducible:
        os.environ.setdefault(CUBLAS_WORKSPACE, ":4096:8")
    use_deterministic_algorithms(reproducible)
    torch.backends.cudnn.deterministic = reproducible
    torch.backends.cudnn.benchmark = not reproducible
    precision = matmul_precision or ("highest" if reproducible else "high")
    torch.backends.cudnn.allow_tf32 = precision != "highest"
    # Sets `torch.backends.cuda.matmul.allow_tf32` too.
    torch.set_float32_matmul_precision(precision)


@dataclass(frozen=True)
class Generators:
    """States of the global generators of Python, NumPy, torch and all CUDA devices in use."""

    python: Any
    numpy: Any
    torch_cpu: torch.Tensor
    torch_cuda: list[torch.Tensor] | None

    @classmethod
    def now(cls) -> Generators:
        """The states at this moment."""
        cuda = torch.cuda.get_rng_state_all() if _uses_cuda() else None
        return cls(random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda)

    def restore(self) -> None:
        """Let the generators draw what they would have drawn at that moment."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.torch_cpu)
        if self.torch_cuda is not None:
            torch.cuda.set_rng_state_all(self.torch_cuda)


@contextmanager
def preserved_rng() -> Iterator[None]:
    """Give the generators of Python, NumPy, torch and CUDA back as they were before the block."""
    before = Generators.now()
    try:
        yield
    finally:
        before.restore()


@cache
def _has_accelerator() -> bool:
    """Whether torch has a device beside the CPU; true where it cannot tell."""
    accelerator = getattr(torch, "accelerator", None)  # from torch 2.6 on
    return accelerator is None or bool(accelerator.is_available())


def _uses_cuda() -> bool:
    """Whether the generators of CUDA devices exist: asking earlier would create them."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
