"""Errors of constructors, told as what they are: something that a configuration asks for."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from autrainer.config.error_places import Place, place_in_user_code, sentence
from autrainer.config.shorthand import split_shorthand
from autrainer.errors import AutrainerError, ConfigError, OutOfMemoryError

CONSTRUCTOR_ERRORS = (TypeError, ValueError, ArithmeticError, RuntimeError)
"""What torch, NumPy and constructors raise for a value that cannot be."""

LONGEST_VALUE = 60


@contextmanager
def errors_named(key: str, config: Any, **more: Any) -> Iterator[None]:
    """Within the block something is built from a part of a configuration.

    Args:
        key: Where the part stands.
        config: The part: a mapping with `_target_`, or a shorthand.
        **more: What is given to the class besides.

    Raises:
        ConfigError: naming the key and all arguments, if the class does not like one of them.
        OutOfMemoryError: the same, if they need more memory than there is.
    """
    described = shown(config, **more)
    try:
        yield
    except AutrainerError:
        raise
    except (*CONSTRUCTOR_ERRORS, MemoryError) as error:
        kind = OutOfMemoryError if is_about_memory(error) else ConfigError
        raise kind(f"{key} cannot be built as {described}: {sentence_of(error)}") from error


def is_about_memory(error: BaseException) -> bool:
    """Whether an error says that there was not enough memory."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # On the CPU torch says it in words only.
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def sentence_of(error: BaseException) -> str:
    """An error in a line, with the place in the user's code, or else that where it was raised."""
    place = place_in_user_code(error)
    if place is None and (frames := traceback.extract_tb(error.__traceback__)):
        place = Place(Path(frames[-1].filename).name, frames[-1].lineno or 0)
    return sentence(error) if place is None else f"{sentence(error)} ({place})"


def shown(config: Any, **more: Any) -> str:
    """A part of a configuration as a call of its class."""
    if isinstance(config, Mapping) and "_target_" in config:
        path, arguments = config["_target_"], config
    else:
        path, arguments = split_shorthand(config)
    given = {name: value for name, value in arguments.items() if name not in ("_target_", "id")}
    listed = ", ".join(f"{name}={_short(value)}" for name, value in (given | more).items())
    return f"{path}({listed})"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
