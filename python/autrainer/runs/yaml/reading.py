"""Reading YAML: the one place where our own code does it.

Nothing is executed, nothing is waited for, and reading ends soon, whatever a file holds: pipes and
devices are refused, and so is what is too large, nested too deeply, or unfolds to too much by its
aliases. Errors tell the line.

`conf/` is read by the rules of OmegaConf: `config/hydra/omegaconf_yaml.py` gives `parse_yaml` a
loader for that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from autrainer.errors import CorruptFileError
from autrainer.runs.writing.opening import reading

if TYPE_CHECKING:
    StrPath = str | os.PathLike[str]

MOST_BYTES = 64 << 20
"""Of a file; those of runs and configurations have some kilobytes."""

MOST_LEVELS = 100
"""Mappings and lists within each other."""

MOST_VALUES = 10_000_000
"""Values of a file, those behind an alias counted wherever it stands."""


def read_yaml(path: StrPath) -> Any:
    """Content of a YAML file, as plain values.

    Numbers that earlier versions wrote as NumPy objects are read as numbers.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: naming file and line, if it is no file, no YAML, or holds other objects.
        OSError: if it cannot be opened for another reason.
    """
    from autrainer.runs.yaml.tags import loader

    with reading(path) as file:
        text = file.read(MOST_BYTES + 1)
    return parse_yaml(text, os.fspath(path), loader())


def read_mapping(path: StrPath) -> dict[str, Any]:
    """Content of a file of a run folder; empty if it is missing or cannot be read."""
    try:
        content = read_yaml(path)
    except (OSError, CorruptFileError):
        return {}
    return content if isinstance(content, dict) else {}


def parse_yaml(text: str | bytes, name: str, loader: Any) -> Any:
    """Content of a YAML text.

    Args:
        text: The text; bytes are UTF-8, or UTF-16 with a mark.
        name: Where it comes from, for errors.
        loader: A safe loader of PyYAML: what untagged values and tags mean.

    Raises:
        CorruptFileError: naming the place, if that is no YAML, holds objects that the loader does
            not know, or is beyond the limits of this module.
    """
    import yaml

    if len(text) > MOST_BYTES:
        raise CorruptFileError(f"{name} is no YAML file of ours: it has over {MOST_BYTES} bytes")
    try:
        reader = loader(text)
        try:
            content = reader.get_single_data()
        finally:
            reader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        reason = error.problem or error.context
        raise CorruptFileError(f"{name}{place}: {reason}") from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise CorruptFileError(f"{name}: no plain YAML: {error}") from error
    except RecursionError:
        raise _too_deep(name) from None
    _check_size(content, name)
    return content


def _check_size(content: Any, name: str) -> None:
    """Refuse what is nested too deeply, or too much once its aliases are followed."""
    levels: list[Iterator[Any]] = [iter((content,))]
    num_values = 0
    while levels:
        for value in levels[-1]:
            num_values += 1
            if isinstance(value, dict):
                levels.append(iter(value.values()))
                break
            if isinstance(value, list | tuple | set):
                levels.append(iter(value))
                break
        else:
            levels.pop()
        if len(levels) > MOST_LEVELS:
            raise _too_deep(name)
        if num_values > MOST_VALUES:
            raise CorruptFileError(f"{name}: no plain YAML: it has over {MOST_VALUES} values")


def _too_deep(name: str) -> CorruptFileError:
    return CorruptFileError(
        f"{name}: no plain YAML: lists and mappings lie in each other more than {MOST_LEVELS} deep"
    )
