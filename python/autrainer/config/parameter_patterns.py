"""Patterns in configurations that name parameters of a model."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from autrainer.errors import ConfigError, did_you_mean


def fits(name: str, pattern: str) -> bool:
    """Whether a pattern means a parameter: by its name, or by that of a module that it is in.

    >>> fits("backbone.model.weight", "backbone"), fits("backbone.model.weight", "*.weight")
    (True, True)
    >>> fits("backbone.model.weight", "back")
    False
    """
    return fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")


def check_patterns(key: str, patterns: Sequence[str], names: Sequence[str]) -> None:
    """Refuse patterns that mean nothing: a slip in one would go unnoticed.

    Args:
        key: The key of the configuration that has them.
        patterns: The patterns.
        names: Names of all parameters.

    Raises:
        ConfigError: naming the first of them, and what there is.
    """
    for pattern in patterns:
        if not any(fits(name, pattern) for name in names):
            prefixes = {name[:end] for name in names for end in _ends(name)}
            hint = did_you_mean(pattern, sorted(prefixes))
            children = dict.fromkeys(name.partition(".")[0] for name in names)
            there = f"it has {', '.join(children)}"
            raise ConfigError(
                f"{key} has {pattern!r}, which fits no parameter of the model; {hint or there}"
            )


def _ends(name: str) -> list[int]:
    """Where the names of modules that a parameter is in end, and its own."""
    return [*(place for place, letter in enumerate(name) if letter == "."), len(name)]
