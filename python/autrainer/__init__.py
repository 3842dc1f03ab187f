"""A training toolkit on Hydra and PyTorch.

Importing this package costs nothing: what a name needs is imported when the name is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` takes milliseconds
if TYPE_CHECKING:
    from typing import Any

    from autrainer.config.hydra.compose import main
    from autrainer.config.instantiate import HydraConvertEnum, instantiate, instantiate_shorthand

__version__ = "0.11.0"

__all__ = ["HydraConvertEnum", "__version__", "instantiate", "instantiate_shorthand", "main"]

_HOMES = {
    "main": "autrainer.config.hydra.compose",
    "HydraConvertEnum": "autrainer.config.instantiate",
    "instantiate": "autrainer.config.instantiate",
    "instantiate_shorthand": "autrainer.config.instantiate",
}


def __getattr__(name: str) -> Any:
    """Import what a public name needs when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'autrainer' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
