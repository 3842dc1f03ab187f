"""Whether somebody looks on who has to see what torch's public functions do."""

from __future__ import annotations

import sys

import torch


def is_profiled() -> bool:
    """Whether a profiler of torch records now."""
    enabled: bool = torch.autograd._profiler_enabled()  # type: ignore[attr-defined]
    return enabled


def is_compiler_loaded() -> bool:
    """Whether anybody has imported the compiler, which may then be tracing."""
    return "torch._dynamo" in sys.modules
