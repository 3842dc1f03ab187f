"""The gate to torch's private parts, and who looks on that has to see the public ones."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

SWITCH = "AUTRAINER_PRIVATE_TORCH"
"""Environment variable: `0` leaves all private parts alone. That is slower and changes no bit."""


@cache
def private(module: str, path: str) -> Any:
    """A private part of torch; None if this torch has none of that name, or if they are to be left.

    Args:
        module: A module that torch has imported, such as `torch.autograd`.
        path: Names of attributes from there, such as `Variable._execution_engine`.
    """
    if os.environ.get(SWITCH) == "0":
        return None
    part: Any = sys.modules.get(module)
    for name in path.split("."):
        part = getattr(part, name, None)
    return part


def is_profiled() -> bool:
    """Whether a profiler of torch records now; true where that cannot be told."""
    enabled = private("torch.autograd", "_profiler_enabled")
    return enabled is None or bool(enabled())


def is_compiler_loaded() -> bool:
    """Whether anybody has imported the compiler, which may then be tracing."""
    return "torch._dynamo" in sys.modules
