"""The transforms that a model or a dataset asks for, as a configuration lists them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autrainer.config.schema.problems import Problem
from autrainer.config.shorthand import Entry, parse_shorthand
from autrainer.errors import did_you_mean

log = logging.getLogger(__name__)

TYPES = ("image", "grayscale", "raw", "tabular")

SUBSETS = ("base", "train", "dev", "test")
KEYS = ("type", *SUBSETS)


@dataclass(frozen=True)
class TransformList:
    """One of the lists.

    Args:
        key: Where it stands, such as `model.transform.base`.
        entries: Its entries by where they stand, in order.
        removed: Keys of what is only taken out of the other's list: `{key: null}` of a model. In a
            dataset, null means "no arguments".
    """

    key: str
    entries: dict[str, Entry] = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    @property
    def seen(self) -> set[str]:
        """Keys that replace those of the other's list."""
        return {*self.removed, *(entry.key for entry in self.entries.values())}


@dataclass(frozen=True)
class TransformConfig:
    """Everything that one side asks for.

    Args:
        type: What the features are.
        lists: Its list of each subset; one that is absent is empty.
    """

    type: str
    lists: dict[str, TransformList]


def parse_transforms(owner: str, transform: Any) -> TransformConfig | list[Problem]:
    """The transforms of a model or a dataset, or everything that is wrong with them.

    Args:
        owner: `model` or `dataset`.
        transform: Its `transform`, as plain containers.
    """
    key = f"{owner}.transform"
    if not isinstance(transform, Mapping):
        fix = "use a mapping with 'type' and, where needed, lists 'base', 'train', 'dev' and 'test'"
        return [Problem(key, f"is {transform!r}", fix)]
    problems = [*_key_problems(key, transform)]
    lists = {}
    for subset in SUBSETS:
        found = _parse_list(f"{key}.{subset}", transform.get(subset), removes=owner == "model")
        if isinstance(found, TransformList):
            lists[subset] = found
        else:
            problems += found
    return problems or TransformConfig(str(transform["type"]), lists)


def _key_problems(key: str, transform: Mapping[str, Any]) -> Iterator[Problem]:
    if transform.get("type") is None:
        fix = "say what the features are: 'image', 'grayscale', 'raw' or 'tabular'"
        yield Problem(f"{key}.type", "is missing", fix)
    elif transform["type"] not in TYPES and (hint := did_you_mean(str(transform["type"]), TYPES)):
        # Types of users may be called as they like.
        yield Problem(f"{key}.type", f"is {transform['type']!r}", hint)
    for name in transform:
        if name in KEYS:
            continue
        if hint := did_you_mean(str(name), KEYS):
            yield Problem(f"{key}.{name}", "is an unknown key", hint)
        else:
            log.warning("%s: key %r means nothing and is ignored", key, name)


def _parse_list(key: str, entries: Any, *, removes: bool) -> TransformList | list[Problem]:
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
    kept = {where: entry for where, entry in found.items() if not (removes and entry.is_null)}
    return TransformList(key, kept, removed)
