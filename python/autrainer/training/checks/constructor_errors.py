"""Errors of constructors, told as what they are: something that a configuration asks for."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from autrainer.config.error_places import Place, place_in_user_code, sentence
from autrainer.errors import AutrainerError, ConfigError, OutOfMemoryError

CONSTRUCTOR_ERRORS = (TypeError, ValueError, ArithmeticError, RuntimeError)
"""What torch, NumPy and constructors raise for a value that cannot be."""


@contextmanager
def errors_named(key: str, described: str) -> Iterator[None]:
    """Within the block something is built that a configuration names.

    Args:
        key: Where it stands.
        described: What is built, as a call: `Target.described`.

    Raises:
        ConfigError: naming the key and all arguments, if the class does not like one of them.
        OutOfMemoryError: the same, if they need more memory than there is.
    """
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
