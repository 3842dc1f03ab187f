"""Arguments that have to be given although Python sees a default."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Needed:
    """Default of an argument that has to be given, unless another one is given instead.

    Python allows no argument without a default behind one that has one, and the order of arguments
    is part of what callers rely on. Whoever takes such an argument calls `refuse_left_out`.

    Args:
        unless: Name of the argument that makes it superfluous; None if there is none.
    """

    def __init__(self, unless: str | None = None) -> None:
        self.unless = unless

    def is_needed(self, given: Collection[str]) -> bool:
        """Whether the argument is missing where these are given."""
        return self.unless is None or self.unless not in given

    def __repr__(self) -> str:
        return "needed" if self.unless is None else f"needed unless {self.unless}"


def refuse_left_out(owner: str, arguments: Mapping[str, object]) -> None:
    """Refuse a call that leaves out what is needed, as Python does.

    Args:
        owner: What is called.
        arguments: All its arguments by name, with their defaults; None counts as not given.

    Raises:
        TypeError: naming what is missing.
    """
    given = {
        name
        for name, value in arguments.items()
        if value is not None and not isinstance(value, Needed)
    }
    missing = [
        name
        for name, value in arguments.items()
        if isinstance(value, Needed) and value.is_needed(given)
    ]
    if missing:
        raise TypeError(f"{owner} needs {', '.join(missing)}")
