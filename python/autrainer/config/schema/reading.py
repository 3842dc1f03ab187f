"""How the sections of a configuration are read: each declares its keys, and a reader looks at them.

    @dataclass(frozen=True)
    class UpdateSection:
        max_grad_norm: float | None = key(or_null(positive, "for no limit"), None)

says all there is to say about `max_grad_norm`: what it may be, what it is where it is left out, and
(`makes_run`) whether runs that differ in it are different ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from autrainer.config.plain import Plain
from autrainer.config.schema.kinds import Kind, UnfitError
from autrainer.config.schema.problems import Problem
from autrainer.errors import did_you_mean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
S = TypeVar("S", bound="DataclassInstance")
LEFT_OPEN = "???"
"""The value of a key that somebody still has to fill in."""

_DECLARED = "key"


@dataclass(frozen=True)
class Key:
    """What a section declares of one of its keys.

    Args:
        kind: What it may be.
        makes_run: Runs that differ in it are different ones.
        fix: What to do where it is missing; by default what `kind` allows.
        section: The section that a mapping under this key is, if it is one.
        shorthand: The key of that section that a value stands for which is no mapping.
        name: Its name.
        is_required: Whether it may not be left out.
        default: Its value where it is.
    """

    kind: Kind[object]
    makes_run: bool = True
    fix: str = ""
    section: type[DataclassInstance] | None = None
    shorthand: str = ""
    name: str = ""
    is_required: bool = False
    default: object = None


def key(kind: Kind[T], default: T, *, makes_run: bool = True) -> T:
    """Declare a key that may be left out.

    Args:
        kind: What it may be.
        default: What it is where it is left out.
        makes_run: Runs that differ in it are different ones: see `autrainer.config.identity`.
    """
    declared: T = field(default=default, metadata={_DECLARED: Key(kind, makes_run)})
    return declared


def required(kind: Kind[T], *, fix: str = "", makes_run: bool = True) -> T:
    """Declare a key that has to be there.

    Args:
        kind: What it may be.
        fix: What to do where it is missing; by default what `kind` allows.
        makes_run: Runs that differ in it are different ones.
    """
    declared: T = field(metadata={_DECLARED: Key(kind, makes_run, fix)})
    return declared


def options(section: type[S], *, shorthand: str = "", makes_run: bool = True) -> S | None:
    """Declare a key that is null, or a mapping of the keys of a section of its own.

    Args:
        section: That section. Null under one of its keys is the same as leaving it out.
        shorthand: A value that is no mapping stands for a mapping of this key to it.
        makes_run: Runs that differ in it are different ones.
    """
    nested = Key(_is_mapping, makes_run, section=section, shorthand=shorthand)
    declared: S | None = field(default=None, metadata={_DECLARED: nested})
    return declared


def _is_mapping(value: object) -> Plain:
    if isinstance(value, Mapping):
        return value
    raise UnfitError("use a mapping")


@cache
def keys_of(section: type[DataclassInstance]) -> tuple[Key, ...]:
    """The keys that a section declares, in order."""
    return tuple(_named(each) for each in fields(section) if _DECLARED in each.metadata)


def _named(declared: Field[object]) -> Key:
    key: Key = replace(declared.metadata[_DECLARED], name=declared.name)
    if declared.default is MISSING:
        return replace(key, is_required=True)
    return replace(key, default=declared.default)


class Reader:
    """Reads the keys of a mapping and collects what is wrong with them.

    Args:
        plain: The mapping.
        prefix: Its own key with a dot behind; nothing for the whole configuration.
        problems: Where to add what is wrong.
    """

    def __init__(
        self, plain: Plain, prefix: str = "", problems: list[Problem] | None = None
    ) -> None:
        self.plain = plain
        self.prefix = prefix
        self.problems: list[Problem] = [] if problems is None else problems

    def refuse(self, name: str, what: str, fix: str) -> None:
        """Note that something is wrong with a key."""
        self.problems.append(Problem(f"{self.prefix}{name}", what, fix))

    def section(self, kind: type[S]) -> S:
        """A section; where a value is missing or wrong it holds None, and the problem is noted."""
        return kind(**self.values(kind))

    def values(self, section: type[DataclassInstance]) -> dict[str, Any]:
        """The values of the keys of a section by name, without those that are left out."""
        found: dict[str, Any] = {}
        for each in keys_of(section):
            value = self.plain.get(each.name, LEFT_OPEN)
            if self._is_left_out(each, value):
                if each.is_required:
                    self.refuse(each.name, "is missing", each.fix or _allowed(each.kind))
                    found[each.name] = None
            elif each.section is None:
                found[each.name] = self.value(each.name, each.kind, value)
            elif value is not None:
                if each.shorthand and not isinstance(value, Mapping):
                    value = {each.shorthand: value}
                found[each.name] = self._options(each.name, each.section, value)
        return found

    def _is_left_out(self, of: Key, value: object) -> bool:
        if of.name not in self.plain or (value is None and of.is_required):
            return True
        # At the top level what is left open and needed by nobody has its default.
        return value == LEFT_OPEN and not self.prefix

    def value(self, name: str, kind: Kind[T], value: object) -> T | None:
        """A value in the type that it is used in; None if it cannot be used."""
        try:
            return kind(value)
        except UnfitError as error:
            self.refuse(name, f"is {value!r}", str(error))
            return None

    def _options(self, name: str, section: type[S], value: object) -> S | None:
        if not isinstance(value, Mapping):
            self.refuse(name, f"is {value!r}", f"use a mapping with {_listed(section)}")
            return None
        inner = Reader(value, f"{self.prefix}{name}.", self.problems)
        names = [each.name for each in keys_of(section)]
        inner.refuse_others(names, f"is no option of {name.replace('_', ' ')}")
        inner.plain = {option: each for option, each in value.items() if each is not None}
        return inner.section(section)

    def refuse_others(self, names: Sequence[str], what: str) -> None:
        """Note every key of the mapping that is none of these."""
        for name in self.plain:
            if name not in names:
                fix = did_you_mean(str(name), names) or f"use {', '.join(names)}"
                self.refuse(str(name), what, fix)


def _allowed(kind: Kind[object]) -> str:
    try:
        kind(None)
    except UnfitError as error:
        return str(error)
    return "give it a value"


def _listed(section: type[DataclassInstance]) -> str:
    declared = list(keys_of(section))
    needed = ", ".join(each.name for each in declared if each.is_required)
    others = " and ".join(each.name for each in declared if not each.is_required)
    return ", and ".join([*filter(None, [needed]), *([f"possibly {others}"] if others else [])])
