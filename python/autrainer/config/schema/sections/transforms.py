"""The transforms that a model or a dataset asks for, as a configuration lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from autrainer.config.plain import Plain
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.targets import Target
from autrainer.config.shorthand import Entry, parse_shorthand
from autrainer.errors import did_you_mean

TYPES = ("image", "grayscale", "raw", "tabular")

SUBSETS = ("base", "train", "dev", "test")
KEYS = ("type", *SUBSETS)


@dataclass(frozen=True)
class TransformEntry:
    """An entry of a list.

    Args:
        name: Its import path, with its `@tag`: what another side's entry replaces it by.
        target: What it names.
    """

    name: str
    target: Target


@dataclass(frozen=True)
class TransformList:
    """One of the lists.

    Args:
        key: Where it stands, such as `model.transform.base`.
        entries: Its entries, in order.
        removed: Names of what is only taken out of the other's list: `{name: null}` of a model. In
            a dataset, null means "no arguments".
    """

    key: str
    entries: tuple[TransformEntry, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def seen(self) -> set[str]:
        """Names that replace those of the other's list."""
        return {*self.removed, *(entry.name for entry in self.entries)}


@dataclass(frozen=True)
class TransformSection:
    """Everything that one side asks for.

    Args:
        type: What the features are.
        lists: Its list of each subset; one that is absent is empty.
        ignored: Keys that mean nothing.
        problems: What is wrong with how it is written; told when classes are checked.
    """

    type: str = ""
    lists: Mapping[str, TransformList] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, owner: str, transform: object) -> TransformSection:
        """Read the transforms of a model or a dataset.

        Args:
            owner: `model` or `dataset`.
            transform: Its `transform`, in plain form.
        """
        key = f"{owner}.transform"
        if not isinstance(transform, Mapping):
            fix = (
                "use a mapping with 'type' and, where needed, lists 'base', 'train', 'dev' and "
                "'test'"
            )
            return cls(problems=(Problem(key, f"is {transform!r}", fix),))
        problems = [*_key_problems(key, transform)]
        lists = {}
        for subset in SUBSETS:
            found = _parse_list(f"{key}.{subset}", transform.get(subset), removes=owner == "model")
            if isinstance(found, TransformList):
                lists[subset] = found
            else:
                problems += found
        ignored = (str(name) for name in transform if not (name in KEYS or _near(name)))
        return cls(str(transform.get("type")), lists, tuple(ignored), tuple(problems))

    @property
    def targets(self) -> list[Target]:
        """Everything that it names."""
        return [entry.target for listed in self.lists.values() for entry in listed.entries]


def _key_problems(key: str, transform: Plain) -> Iterator[Problem]:
    if transform.get("type") is None:
        fix = "say what the features are: 'image', 'grayscale', 'raw' or 'tabular'"
        yield Problem(f"{key}.type", "is missing", fix)
    elif transform["type"] not in TYPES and (hint := did_you_mean(str(transform["type"]), TYPES)):
        # Types of users may be called as they like.
        yield Problem(f"{key}.type", f"is {transform['type']!r}", hint)
    for name in transform:
        if name not in KEYS and (hint := _near(name)):
            yield Problem(f"{key}.{name}", "is an unknown key", hint)


def _near(name: object) -> str:
    return did_you_mean(str(name), KEYS)


def _parse_list(key: str, entries: object, *, removes: bool) -> TransformList | list[Problem]:
    if entries is None:
        return TransformList(key)
    if not isinstance(entries, list | tuple):
        fix = "use a list with one transform per entry"
        return [Problem(key, f"is {entries!r}", fix)]
    parsed = {
        f"{key}[{i}]": parse_shorthand(entry, f"{key}[{i}]") for i, entry in enumerate(entries)
    }
    if problems := [found for found in parsed.values() if isinstance(found, Problem)]:
        return problems
    found = {where: entry for where, entry in parsed.items() if isinstance(entry, Entry)}
    removed = tuple(entry.key for entry in found.values() if removes and entry.is_null)
    kept = (
        TransformEntry(entry.key, Target(where, entry.path, entry.arguments))
        for where, entry in found.items()
        if not (removes and entry.is_null)
    )
    return TransformList(key, tuple(kept), removed)
