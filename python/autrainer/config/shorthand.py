"""The shorthand syntax: an import path, or an import path with its arguments.

| entry | means |
|---|---|
| `a.B` | `a.B` without arguments |
| `a.B: {x: 1}` | `a.B(x=1)` |
| `a.B: {}` | `a.B` without arguments |
| `a.B: null` | the same; in a transform of a model, that the dataset's `a.B` is left out |
| `a.B: null` beside `x: 1` | `a.B(x=1)` with a warning: the indentation is lost |

Everything else is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from autrainer.config.plain import plain_copy
from autrainer.config.schema.problems import Problem
from autrainer.errors import ConfigError

log = logging.getLogger(__name__)

Shorthand = str | dict[str, Any]
"""An import path, or a mapping of an import path to its arguments."""


@dataclass(frozen=True)
class Entry:
    """A shorthand, read.

    Args:
        key: As it is written: an import path, that of a transform with its `@tag`.
        arguments: Arguments by name, of the caller's own.
        is_null: It is `{key: null}`, and nothing beside it.
    """

    key: str
    arguments: dict[str, Any]
    is_null: bool = False

    @property
    def path(self) -> str:
        """The import path, without a tag."""
        return self.key.partition("@")[0]


def parse_shorthand(config: Any, key: str) -> Entry | Problem:
    """A shorthand, or what is wrong with it.

    Args:
        config: The shorthand.
        key: Where it stands; for messages.

    Raises:
        ConfigError: naming the key of an interpolation that leads nowhere.
    """
    if isinstance(config, str) and config.partition("@")[0]:
        return Entry(config, {})
    plain = plain_copy(config) if isinstance(config, Mapping) or hasattr(config, "keys") else {}
    path, arguments = next(iter(plain.items()), (None, None))
    if not isinstance(path, str) or not path.partition("@")[0]:
        fix = "use an import path, or a mapping of an import path to arguments"
        return Problem(key, f"is {config!r}", fix)
    del plain[path]
    if arguments is not None and not isinstance(arguments, Mapping):
        fix = "use a mapping of names to values, or null for none"
        return Problem(key, f"gives {path} the arguments {arguments!r}", fix)
    if others := [name for name in plain if "." in str(name)]:
        in_list = key.endswith("]")
        fix = "begin every entry of the list with a dash of its own" if in_list else "name one"
        return Problem(key, f"names {path} and {others[0]} at once", fix)
    is_null = arguments is None and not plain
    arguments = {**(arguments or {}), **plain}
    if strange := [name for name in arguments if not isinstance(name, str)]:
        fix = "use a mapping of names to values"
        return Problem(key, f"gives {path} an argument called {strange[0]!r}", fix)
    if plain:
        _warn_indentation(key, path, ", ".join(plain))
    return Entry(path, arguments, is_null)


def read_shorthand(config: Any, key: str = "a shorthand") -> Entry:
    """A shorthand, read.

    Args:
        config: The shorthand.
        key: Where it stands; for messages.

    Raises:
        ConfigError: if it is none, with what is allowed.
    """
    entry = parse_shorthand(config, key)
    if isinstance(entry, Problem):
        raise ConfigError(entry.line())
    return entry


def split_shorthand(config: Any, key: str = "a shorthand") -> tuple[str, dict[str, Any]]:
    """The import path and the arguments of a shorthand; see `read_shorthand`."""
    entry = read_shorthand(config, key)
    return entry.key, entry.arguments


@lru_cache(maxsize=256)
def _warn_indentation(key: str, path: str, others: str) -> None:
    log.warning(
        "%s: %s and %s stand side by side, taken as arguments of the first; indent them",
        key,
        path,
        others,
    )
