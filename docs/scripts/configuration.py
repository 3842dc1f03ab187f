"""The page of all configuration keys, from the schema that reads them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import yaml

from autrainer.config.schema.kinds import UnfitError
from autrainer.config.schema.reading import Key, keys_of
from autrainer.config.schema.run import ATTRIBUTES
from autrainer.config.schema.sections.loaders import LOADER_OPTIONS
from autrainer.config.schema.sections.model import CheckpointSection, FreezeSection
from autrainer.config.schema.sections.optimizer import RateSection, WeightDecaySection
from autrainer.config.schema.sections.scheduler import ScheduleSection
from docs.scripts import REPOSITORY
from docs.scripts.tables import code, table

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CONF = REPOSITORY / "conf"
GROUP_SECTIONS = {
    "model": (CheckpointSection, FreezeSection),
    "optimizer": (WeightDecaySection, RateSection),
    "scheduler": (ScheduleSection,),
}
HEADER = ("key", "default", "what it may be", "meaning", "another run")
ABOUT = """# Keys

This page is made from the schema that reads a configuration, so it is never older than the code.
[Configuration](../configuration.md) explains how the keys work together.

"Default" is what a configuration has that inherits `_autrainer_`. "Another run" says whether runs
that differ in this key alone are two runs. Where it says no, the key may change between an
interrupted run and its continuation.
"""


def page() -> str:
    """The page in Markdown."""
    return "\n".join([ABOUT, *_attributes(), *_groups(), *_loaders(), *_packaged()])


def _attributes() -> Iterator[str]:
    yield "## Training attributes\n\nThey stand at the top of a configuration.\n"
    inherited = yaml.safe_load((CONF / "_autrainer_.yaml").read_text())
    for section in ATTRIBUTES:
        yield f"### {_first_line(section)}\n"
        yield _section_table(section, inherited)
        for key in keys_of(section):
            if key.section is not None:
                yield f"Keys of `{key.name}`:\n"
                yield _section_table(key.section, {})


def _groups() -> Iterator[str]:
    yield (
        "## Keys of a group\n\nA group (`model`, `optimizer`, ...) has the arguments of the class "
        "that its `_target_` names, and these keys, which the class does not get.\n"
    )
    for group, sections in GROUP_SECTIONS.items():
        for section in sections:
            yield f"### `{group}`: {_first_line(section).lower()}\n"
            yield _section_table(section, {})


def _loaders() -> Iterator[str]:
    yield (
        "## Options of loaders\n\nThey stand in `train_loader_kwargs`, `dev_loader_kwargs` and "
        "`test_loader_kwargs`, at the top or in a dataset. What they do is told in "
        "[Loading](../configuration.md#loading).\n"
    )
    unchecked = "checked by the class that takes it"
    rows = [
        (f"`{name}`", unchecked if kind is None else _allowed(kind))
        for name, kind in LOADER_OPTIONS.items()
    ]
    yield table(("option", "what it may be"), rows)


def _packaged() -> Iterator[str]:
    yield "## Configurations that are there\n\n`autrainer show GROUP NAME` prints one of them.\n"
    for folder in sorted(path for path in CONF.iterdir() if path.is_dir()):
        names = sorted((path.stem for path in folder.glob("*.yaml")), key=str.lower)
        if folder.name != "hydra":
            yield f"### `{folder.name}` ({len(names)})\n\n{', '.join(map(code, names))}\n"


def _section_table(section: type[DataclassInstance], inherited: dict[str, object]) -> str:
    meanings = meanings_of(section)
    rows = [_row(key, meanings[key.name], inherited) for key in keys_of(section)]
    return table(HEADER, rows)


def _row(key: Key, meaning: str, inherited: dict[str, object]) -> Sequence[str]:
    default = _default(key, inherited)
    allowed = _allowed(key.kind) if key.section is None else "null, or a mapping"
    if key.section is not None and key.shorthand:
        allowed = f"{allowed}; anything else stands for its `{key.shorthand}`"
    return f"`{key.name}`", default, allowed, meaning, "yes" if key.makes_run else "no"


def _default(key: Key, inherited: dict[str, object]) -> str:
    value = inherited.get(key.name, key.default)
    if key.is_required or value == "???":
        return "required"
    if isinstance(value, str):
        return code(value)
    if value == ():
        return "none"
    return code(yaml.safe_dump(value).removesuffix("...\n").strip())


def _allowed(kind: object) -> str:
    """What a kind says about a value that it never takes."""
    try:
        kind(object())  # type: ignore[operator]
    except UnfitError as error:
        return str(error).removeprefix("use ")
    raise AssertionError(f"{kind} takes anything")


def meanings_of(section: type[DataclassInstance]) -> dict[str, str]:
    """What the docstring of a section says about each of its keys."""
    _, _, arguments = inspect.getdoc(section).partition("Args:\n")  # type: ignore[union-attr]
    found = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", arguments, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def _first_line(section: type[DataclassInstance]) -> str:
    return inspect.getdoc(section).split("\n")[0].rstrip(".")  # type: ignore[union-attr]
