"""What a run changes in its process beside its own objects, and how it was before."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from autrainer.fast.determinism import use_deterministic_algorithms
from autrainer.runs.random.seeding import CUBLAS_WORKSPACE, Generators


@dataclass(frozen=True)
class Computing:
    """How torch computes in this process: what `set_reproducibility` changes."""

    is_deterministic: bool
    warns_only: bool
    cudnn_is_deterministic: bool
    cudnn_benchmarks: bool
    cudnn_takes_tf32: bool
    matmul_precision: str | None
    workspace: str | None

    @classmethod
    def now(cls) -> Computing:
        """The settings at this moment."""
        return cls(
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.allow_tf32,
            _matmul_precision(),
            os.environ.get(CUBLAS_WORKSPACE),
        )

    def restore(self) -> None:
        """Let torch compute as it did at that moment."""
        use_deterministic_algorithms(self.is_deterministic, warn_only=self.warns_only)
        torch.backends.cudnn.deterministic = self.cudnn_is_deterministic
        torch.backends.cudnn.benchmark = self.cudnn_benchmarks
        torch.backends.cudnn.allow_tf32 = self.cudnn_takes_tf32
        if self.matmul_precision is not None:
            # Sets `torch.backends.cuda.matmul.allow_tf32` too.
            torch.set_float32_matmul_precision(self.matmul_precision)
        if self.workspace is None:
            os.environ.pop(CUBLAS_WORKSPACE, None)
        else:
            os.environ[CUBLAS_WORKSPACE] = self.workspace


def _matmul_precision() -> str | None:
    """The precision, or None where it was set by the newer switches, which torch tells apart."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return None


@dataclass(frozen=True)
class GlobalState:
    """Generators and settings of torch, as they are before a run and again after it.

    It is not a context manager: a run that is dropped unclosed must not bring it back later.
    """

    generators: Generators
    computing: Computing

    @classmethod
    def now(cls) -> GlobalState:
        """The state at this moment."""
        return cls(Generators.now(), Computing.now())

    def restore(self) -> None:
        """Bring it back."""
        self.generators.restore()
        self.computing.restore()
