"""Values of Python as overrides of the command line."""

from __future__ import annotations

import os

from autrainer.cli.errors import CommandLineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def hydra_arguments(
    overrides: Mapping[str, Any] | Sequence[str] | None,
    config_name: str,
    config_path: str | os.PathLike[str] | None,
) -> list[str]:
    """Arguments of a command with Hydra.

    Args:
        overrides: Values by key, or overrides as they are typed.
        config_name: Main configuration.
        config_path: Folder of the project's configurations.

    Raises:
        CommandLineError: if a value is none of those that a configuration can hold.

    >>> hydra_arguments({"seed": [1, 2], "callbacks": []}, "config", None)
    ['-cn', 'config', 'seed=1,2', 'callbacks=[]']
    """
    arguments = ["-cn", config_name]
    if config_path is not None:
        arguments += ["-cd", os.fspath(config_path)]
    if overrides is None:
        return arguments
    if hasattr(overrides, "items"):
        return arguments + [f"{key}={_swept(key, value)}" for key, value in overrides.items()]
    if isinstance(overrides, str) or not all(isinstance(text, str) for text in overrides):
        raise CommandLineError(
            None,
            f"the overrides are {overrides!r}; use a mapping of keys to values, or a list such as "
            "['seed=1,2', 'model=ToyFFNN']",
            2,
        )
    return [*arguments, *overrides]


def _swept(key: str, value: Any) -> str:
    """A value as an override has it; several of them are swept over, an empty list is a value."""
    if isinstance(value, list | tuple | range) and value:
        return ",".join(_top(key, item) for item in value)
    return _top(key, value)


def _top(key: str, value: Any) -> str:
    # A text may be an expression, such as `range(1, 4)` or `${seed}`.
    return value if isinstance(value, str) else _written(key, value)


def _written(key: str, value: Any) -> str:
    if hasattr(value, "tolist"):
        # Numbers and arrays of NumPy.
        value = value.tolist()
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str | os.PathLike):
        return _quoted(os.fspath(value))
    if isinstance(value, list | tuple):
        return f"[{','.join(_written(key, item) for item in value)}]"
    if hasattr(value, "items"):
        entries = (f"{name}: {_written(key, item)}" for name, item in value.items())
        return f"{{{', '.join(entries)}}}"
    raise CommandLineError(
        None, f"{key} is {value!r}; use texts, numbers, bools, None, lists and mappings of them", 2
    )


def _quoted(text: str) -> str:
    from autrainer.config.hydra.internals import quoted

    return quoted(text)
