"""Classes and functions that a configuration names, with what they are called with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autrainer.config.plain import Plain
from autrainer.config.schema.problems import Problem
from autrainer.config.shorthand import parse_shorthand

NONE = "None"
"""Import path and id of nothing at all."""

LONGEST_VALUE = 60
_IN_LIST = "use a list of import paths, with or without kwargs"


@dataclass(frozen=True)
class Target:
    """A class or function that a configuration names, and what it is called with.

    Args:
        key: Where it stands, such as `model` or `loggers[0]`.
        path: Its import path, as it is written.
        written: The arguments as they stand there, with what others consume.
        consumed: Names of what others consume: the class does not get these.
        dropped: Names of arguments that the class does not get either, because of what others say.
        problem: What is wrong with the way it is written; told when classes are checked.
        path_key: Where the path stands; by default `key`.
    """

    key: str
    path: str
    written: Plain = field(default_factory=dict)
    consumed: Sequence[str] = ()
    dropped: Sequence[str] = ()
    problem: Problem | None = None
    path_key: str = ""

    @classmethod
    def of_group(cls, key: str, config: object, consumed: Sequence[str] = ()) -> Target:
        """What a mapping with `_target_` and arguments names.

        Args:
            key: Where it stands.
            config: The mapping.
            consumed: Names of what others consume.
        """
        where = f"{key}._target_"
        if not isinstance(config, Mapping):
            fix = f"{config!r} is no mapping with _target_ and arguments"
            return cls(key, "", problem=Problem(where, "cannot be used", fix))
        path = config.get("_target_")
        written = {name: value for name, value in config.items() if name not in ("_target_", "id")}
        fix = "it is missing; name a class by its import path"
        problem = None if path else Problem(where, "cannot be used", fix)
        return cls(key, path or "", written, consumed, problem=problem, path_key=where)

    @classmethod
    def of_shorthand(cls, key: str, config: object) -> Target:
        """What a shorthand names.

        Args:
            key: Where it stands.
            config: The shorthand.
        """
        entry = parse_shorthand(config, key)
        if isinstance(entry, Problem):
            return cls(key, "", problem=entry)
        return cls(key, entry.key, entry.arguments)

    @property
    def is_none(self) -> bool:
        """Whether it names nothing: `_target_: None`."""
        return self.path == NONE

    @property
    def arguments(self) -> Plain:
        """What the class gets from the configuration."""
        hidden = {*self.consumed, *self.dropped}
        return {name: value for name, value in self.written.items() if name not in hidden}

    @property
    def config(self) -> Plain:
        """The same as a mapping with `_target_`, as `instantiate` takes it."""
        return {**self.arguments, "_target_": self.path}

    def described(self, *without: str, **more: object) -> str:
        """The target as a call.

        >>> Target("model", "my.Net", {"width": 3, "transform": {}}).described("transform", depth=2)
        'my.Net(width=3, depth=2)'
        """
        hidden = ("id", *without)
        given = {k: value for k, value in self.written.items() if k not in hidden} | more
        return f"{self.path}({', '.join(f'{k}={_short(value)}' for k, value in given.items())})"


@dataclass(frozen=True)
class TargetList:
    """A list of shorthands.

    Args:
        key: Where it stands.
        targets: What they name.
        problem: What is wrong with it as a list; told when classes are checked.
    """

    key: str
    targets: tuple[Target, ...] = ()
    problem: Problem | None = None

    @classmethod
    def read(cls, key: str, entries: object) -> TargetList:
        """Read a list; one that is absent is empty.

        Args:
            key: Where it stands.
            entries: The list.
        """
        if entries is None:
            return cls(key)
        if not isinstance(entries, list | tuple):
            return cls(key, problem=Problem(key, f"is {entries!r}", _IN_LIST))
        named = (Target.of_shorthand(f"{key}[{i}]", entry) for i, entry in enumerate(entries))
        return cls(key, tuple(named))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
