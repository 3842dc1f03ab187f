"""What a value of a configuration may be: functions that return it, or say what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TypeVar

from autrainer.config.schema.annotations import LARGEST_NUMBER, misfit
from autrainer.config.schema.intervals import SaveInterval, seconds_of
from autrainer.errors import did_you_mean
from autrainer.runs.random.seeds import LARGEST_SEED

T = TypeVar("T")
Kind = Callable[[object], T]
"""Returns a value in the type that it is used in; raises `UnfitError` for one that cannot be."""

LARGEST_COUNT = 2**31 - 1
DEVICES = ("cpu", "cuda", "mps", "xpu", "hpu", "npu", "xla", "mtia", "hip", "vulkan", "meta")


class UnfitError(ValueError):
    """A value that cannot be used; the text says what is allowed."""


def count(value: object) -> int:
    """An integer of at least 1."""
    return _integer(value, 1)


def natural(value: object) -> int:
    """An integer of at least 0."""
    return _integer(value, 0)


def _integer(value: object, least: int) -> int:
    if _is_integer(value) and least <= value <= LARGEST_COUNT:  # type: ignore[operator]
        return value  # type: ignore[return-value]
    raise UnfitError(f"use an integer of at least {least}")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def positive(value: object) -> float:
    """A number above 0 that float32 holds."""
    number = _number(value)
    if number is None or number == 0:
        raise UnfitError("use a number above 0")
    return number


def share(value: object) -> float:
    """A number between 0 and 1, neither of which it may be."""
    number = _number(value)
    if number is None or not 0 < number < 1:
        raise UnfitError("use a number between 0 and 1")
    return number


def nonnegative(value: object) -> float:
    """A number of at least 0 that float32 holds."""
    number = _number(value)
    if number is None:
        raise UnfitError("use a number of at least 0")
    return number


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LARGEST_NUMBER else None


def flag(value: object) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise UnfitError("use true or false")


def text(value: object) -> str:
    """A text; an integer is one too."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise UnfitError("use a text")


def one_of(*names: str, hidden: tuple[str, ...] = ()) -> Kind[str]:
    """One of these names, or of those that messages do not mention.

    >>> one_of("epoch", "step")("epochs")
    Traceback (most recent call last):
    autrainer.config.schema.kinds.UnfitError: use 'epoch' or 'step'
    """
    *first, last = [repr(name) for name in names]

    def kind(value: object) -> str:
        if isinstance(value, str) and value in (*names, *hidden):
            return value
        raise UnfitError(f"use {', '.join(first)} or {last}")

    return kind


def or_null(kind: Kind[T], meaning: str) -> Kind[T | None]:
    """What another kind takes, or null; `meaning` says what null stands for."""

    def nullable(value: object) -> T | None:
        if value is None:
            return None
        try:
            return kind(value)
        except UnfitError as error:
            raise UnfitError(f"{error}, or null {meaning}") from None

    return nullable


def saying(kind: Kind[T], allowed: str) -> Kind[T]:
    """What another kind takes, with a sentence of its own about what is allowed."""

    def renamed(value: object) -> T:
        try:
            return kind(value)
        except UnfitError:
            raise UnfitError(allowed) from None

    return renamed


def truth(value: object) -> bool:
    """True or false, or a number that tells it."""
    _refuse_misfit(bool, value)
    return bool(value)


def number_or_null(value: object) -> float | None:
    """A number, as it is written, or null."""
    _refuse_misfit(float | None, value)
    return value  # type: ignore[return-value]


def _refuse_misfit(annotation: object, value: object) -> None:
    wanted = misfit(annotation, value)
    if wanted is not None:
        raise UnfitError(f"use {wanted}")


def texts(value: object) -> tuple[str, ...]:
    """A text, or a list of texts."""
    found = value if isinstance(value, list | tuple) else [value]
    return tuple(saying(text, "use a text or a list of texts")(each) for each in found)


def numbers_by_text(value: object) -> tuple[tuple[str, float], ...]:
    """A mapping of texts to numbers of at least 0, in its order."""
    if not isinstance(value, Mapping):
        raise UnfitError("use a mapping of patterns to numbers of at least 0")
    return tuple((text(name), nonnegative(number)) for name, number in value.items())


def save_interval(value: object) -> SaveInterval:
    """A number of steps or a time."""
    interval = SaveInterval.of(value)
    if interval is None:
        raise UnfitError("use a number of steps, or a time such as '10 min'")
    return interval


def duration(value: object) -> float:
    """Seconds of a time with units, such as `7h50m`."""
    found = seconds_of(value)
    if found is None:
        raise UnfitError("use a time with units, such as '7h50m', '90 min' or '1d 12h'")
    return found


def device_name(value: object) -> str:
    """Name of a device. A slip in it must not end on the CPU, as a device that is absent does."""
    name = text(value)
    kind = name.partition(":")[0]
    if kind == "gpu":
        raise UnfitError("use 'cuda', or 'mps' on a Mac")
    if kind not in DEVICES and (hint := did_you_mean(kind, DEVICES)):
        raise UnfitError(hint)
    return name


def folder_inside(value: object) -> str:
    """Name of a folder that lies in another one; it may have folders of its own."""
    allowed = "use the name of a folder in results_dir"
    name = saying(text, allowed)(value)
    if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
        raise UnfitError(allowed)
    return name


def seed(value: object) -> int | str:
    """A seed, or two as `A-B`: A for training, B for the dataset."""
    try:
        first, second = seed_pair(value)
    except ValueError:
        first = second = -1
    if min(first, second) >= 0 and max(first, second) <= LARGEST_SEED:
        return value  # type: ignore[return-value]
    raise UnfitError(
        f"use an integer from 0 to {LARGEST_SEED}, or 'A-B' with two of them: A for training, "
        "B for the dataset"
    )


def seed_pair(value: object) -> tuple[int, int]:
    """The seeds of training and dataset.

    >>> seed_pair(1), seed_pair("5-9")
    ((1, 1), (5, 9))
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value, value
    parts = value.split("-") if isinstance(value, str) else []
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"{value!r} is no seed")
    return int(parts[0]), int(parts[1])
