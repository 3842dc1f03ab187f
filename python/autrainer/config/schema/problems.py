"""What is wrong with a configuration, collected, then told in one message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autrainer.errors import ConfigError


class Origin(Protocol):
    """Knows where keys come from, as `sources.Sources` does."""

    def of(self, key: str) -> str | None:
        """The file that sets a key, or how else it was set."""


@dataclass(frozen=True)
class Problem:
    """Something wrong in a configuration.

    Args:
        key: The dotted key.
        what: What about it, such as `is 'epoch'`.
        fix: What is allowed, or what to do.
    """

    key: str
    what: str
    fix: str = ""

    def line(self, origin: Origin | None = None) -> str:
        """The problem as a sentence, with the place where the key was set if that is known."""
        place = origin.of(self.key) if origin is not None else None
        text = f"{self.key} {self.what}" + (f" ({place})" if place else "")
        return f"{text}; {self.fix}" if self.fix else text


class ProblemsError(ConfigError):
    """A configuration in which something is wrong.

    Args:
        problems: What it is.
        origin: Knows where keys come from.
    """

    def __init__(self, problems: Sequence[Problem], origin: Origin | None = None) -> None:
        lines = [problem.line(origin) for problem in problems]
        if len(lines) > 1:
            lines = [f"the configuration has {len(lines)} problems:", *lines]
        super().__init__("\n  - ".join(lines))
        self.problems = tuple(problems)


def refuse(problems: Sequence[Problem], origin: Origin | None = None) -> None:
    """Raise one error that lists all problems; do nothing if there is no problem.

    Raises:
        ProblemsError: if there is a problem.
    """
    if problems:
        raise ProblemsError([*dict.fromkeys(problems)], origin)
