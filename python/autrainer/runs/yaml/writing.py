"""Plain values as the text of a YAML file that every reader takes for the same values."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from autrainer.errors import DataError
from autrainer.runs.writing.files import write_text

StrPath = str | os.PathLike[str]

_ONLY_OMEGACONF = re.compile(r"[-+]?\.?[0-9][0-9_.]*[eE][-+]?[0-9]+")
"""Texts such as `1e5`: OmegaConf takes them for numbers, PyYAML does not, and leaves them bare."""


def write_yaml(path: StrPath, content: Mapping[Any, Any] | Sequence[Any]) -> None:
    """Write plain values as YAML, in the order in which they come.

    Numbers and arrays of NumPy and torch are written as plain numbers and lists.

    Raises:
        DataError: naming the key, if a value cannot be written as plain YAML.
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    write_text(path, yaml_text(plain(content)))


def yaml_text(content: Any) -> str:
    """Plain values as YAML, in the order in which they come.

    >>> print(yaml_text({"text": "1e5", "number": 1e5}), end="")
    text: '1e5'
    number: 100000.0
    """
    import yaml

    text: str = yaml.dump(content, Dumper=_dumper(), sort_keys=False, allow_unicode=True)
    return text


def plain(value: Any, where: str = "") -> Any:
    """A value made of nothing but dicts, lists, texts, numbers, dates and None.

    Args:
        value: Mappings, sequences, scalars and arrays of NumPy and torch, paths, enums.
        where: Key of the value, for the error.

    Raises:
        DataError: naming the key, for anything else.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        return {plain(key, where): plain(item, f"{where}.{key}") for key, item in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist(), where)
    return _plain_other(value, where)


def _plain_other(value: Any, where: str) -> Any:
    import datetime
    from enum import Enum

    if isinstance(value, Enum):
        return plain(value.value, where)
    if isinstance(value, (bytes, datetime.datetime, datetime.date)):
        return value
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=repr)
    if isinstance(value, Sequence):
        return [plain(item, f"{where}[{position}]") for position, item in enumerate(value)]
    raise DataError(
        f"{where.lstrip('.') or 'the content'} is of type {type(value).__name__}, which YAML "
        "cannot hold; use dicts, lists, texts and numbers"
    )


@functools.cache
def _dumper() -> type[Any]:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """A safe dumper that quotes whatever a reader could take for a number."""

    Dumper.add_representer(str, _represent_text)
    return Dumper


def _represent_text(dumper: Any, text: str) -> Any:
    style = "'" if _ONLY_OMEGACONF.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
