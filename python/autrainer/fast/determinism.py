"""Deterministic algorithms without importing the compiler."""

from __future__ import annotations

import sys

import torch

from autrainer.fast.gate import private


def use_deterministic_algorithms(wanted: bool, *, warn_only: bool = False) -> None:
    """`torch.use_deterministic_algorithms` without the seconds that its import of inductor takes.

    Where the compiler is loaded, it is told as well; one that is loaded later still sees the wish
    in torch itself, and only goes on measuring which of its kernels is fastest.
    """
    set_mode = private("torch._C", "_set_deterministic_algorithms")
    if set_mode is None or "torch._inductor.config" in sys.modules:
        torch.use_deterministic_algorithms(wanted, warn_only=warn_only)
        return
    try:
        set_mode(wanted, warn_only=warn_only)
    except TypeError:
        # Of another signature: nothing has been set.
        torch.use_deterministic_algorithms(wanted, warn_only=warn_only)
