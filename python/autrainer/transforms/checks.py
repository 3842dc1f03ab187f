"""Checks of arguments and of what a transform is given."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch

from autrainer.errors import ConfigError, DataError, did_you_mean


def positive_int(owner: object, name: str, value: Any) -> int:
    """The value, if it is an integer of at least one.

    Raises:
        ConfigError: if it is not.
    """
    return at_least(owner, name, value, 1)


def at_least(owner: object, name: str, value: Any, lowest: int) -> int:
    """The value, if it is an integer and not below the lowest one allowed.

    Raises:
        ConfigError: if it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise ConfigError(
            f"{type(owner).__name__}: {name} is {value!r}; use an integer of {lowest} or more"
        )
    return value


def number(owner: object, name: str, value: Any) -> float:
    """The value, if it is a finite number.

    Raises:
        ConfigError: if it is not.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise ConfigError(f"{type(owner).__name__}: {name} is {value!r}; use a number")
    result: float = value
    return result


def one_of(owner: object, name: str, value: Any, options: Iterable[str]) -> str:
    """The value, if it is one of the options.

    Raises:
        ConfigError: if it is not.
    """
    options = list(options)
    if value not in options:
        listed = ", ".join(map(repr, options))
        hint = did_you_mean(value, options)
        raise ConfigError(
            f"{type(owner).__name__}: {name} is {value!r}; use one of {listed}"
            + (f" ({hint})" if hint else "")
        )
    return str(value)


def need_dims(owner: object, found: torch.Size, dims: int, shape: str) -> None:
    """Refuse features of another rank than a transform works on.

    Args:
        owner: The transform.
        found: Shape of the features of one sample.
        dims: How many axes it should have.
        shape: The same in words.

    Raises:
        DataError: naming the shape that came and the one that is needed.
    """
    if len(found) != dims:
        raise DataError(
            f"{type(owner).__name__} works on features of shape {shape}; got {tuple(found)}"
        )
