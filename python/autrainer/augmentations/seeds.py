"""Which augmentation of a pipeline gets which seed."""

from __future__ import annotations

import inspect
from typing import Any

from autrainer.config.locate import locate
from autrainer.config.shorthand import split_shorthand
from autrainer.runs.random.seeds import next_generator_seed


class SeedCounter:
    """Hands out seeds to the entries of a pipeline, containers before what they contain.

    Args:
        seed: The first seed; None hands out none.
        increment: Whether the next entry gets the next number, or the same one.
    """

    def __init__(self, seed: int | None, increment: bool = True) -> None:
        self.seed = seed
        self._increment = increment

    def give(self, entries: list[Any] | None) -> list[Any]:
        """New entries in shorthand, each with `generator_seed` in its arguments.

        An entry that has a seed keeps it, and takes none.

        Raises:
            ConfigError: if an entry is no shorthand.
        """
        return [self._give_one(*split_shorthand(entry)) for entry in entries or []]

    def _give_one(self, path: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.seed is not None and arguments.get("generator_seed") is None:
            arguments["generator_seed"] = self.seed
            if self._increment:
                self.seed = next_generator_seed(self.seed)
        members = _members_argument(path)
        if members is not None and isinstance(arguments.get(members), list):
            arguments[members] = self.give(arguments[members])
        return {path: arguments}


def _members_argument(path: str) -> str | None:
    """Name of the argument that holds the members, if the class is a container."""
    found = locate(path)
    if not inspect.isclass(found):
        return None
    name: str | None = getattr(found, "members_argument", None)
    return name
