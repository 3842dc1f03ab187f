"""The command line, before Hydra sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from autrainer.errors import ConfigError

_OVERRIDE = re.compile(r"(?P<plus>\+{0,2})(?P<key>[^=+~@]+)=(?P<value>.*)", re.DOTALL)


class UnsupportedFlagError(ConfigError):
    """A flag of Hydra's that has no meaning here."""


class Named(Protocol):
    """Configurations by name, as `snapshot.Snapshot` holds them."""

    paths: dict[str, Path]

    def parsed(self, name: str) -> Any:
        """Content of a configuration."""


@dataclass(frozen=True)
class Arguments:
    """Arguments for Hydra, without the folder of configurations.

    Args:
        config_dir: Folder given with `-cd`, or None.
        config_name: Main configuration given with `-cn`, or None.
        rest: All other arguments and `-cn`, in their order.
    """

    config_dir: Path | None
    config_name: str | None
    rest: list[str]

    def normalized(self, config_name: str, folders: Sequence[Named]) -> list[str]:
        """The arguments with `key=` and `+key=` spelt as the main configuration needs it.

        An override of a key that `hydra.sweeper.params` sweeps over takes that spelling, so that
        it replaces the sweep; `+key=` of a key that is there already becomes `key=`.
        """
        params, keys = _known_keys(config_name, folders)
        return [_respelt(argument, params, keys) for argument in self.rest]


def split_arguments(arguments: Sequence[str]) -> Arguments:
    """Take the folder of configurations out of arguments for Hydra.

    Raises:
        ConfigError: if the folder is missing, or if `-cp` is among the arguments.
    """
    rest: list[str] = []
    config_dir: Path | None = None
    config_name: str | None = None
    waiting = iter(arguments)
    for argument in waiting:
        flag, value = _flag(argument)
        if flag is None:
            rest.append(argument)
            continue
        if flag == "config-path":
            raise UnsupportedFlagError(
                f"{argument.split('=')[0]} is not supported; name a folder of configurations with "
                "-cd/--config-dir, and the main configuration in it with -cn/--config-name"
            )
        value = value if value is not None else next(waiting, None)
        if value is None:
            raise ConfigError(f"{argument} needs a value")
        if flag == "config-dir":
            config_dir = Path(value)
        else:
            config_name = value
            rest += ["--config-name", value]
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"the folder of configurations {str(config_dir)!r} does not exist")
    return Arguments(config_dir, config_name, rest)


_FLAGS = {"-cd": "config-dir", "-cn": "config-name", "-cp": "config-path"}


def _flag(argument: str) -> tuple[str | None, str | None]:
    """Which flag of ours an argument is, and its value if it is part of the argument."""
    name, equals, value = argument.partition("=")
    if name.startswith("--config-") and name[2:] in _FLAGS.values():
        return name[2:], value if equals else None
    for short, flag in _FLAGS.items():
        if name == short:
            return flag, value if equals else None
        # argparse takes the value of a short option without a space too: -cdconf.
        if argument.startswith(short):
            return flag, argument[len(short) :]
    return None, None


def _known_keys(config_name: str, folders: Sequence[Named]) -> tuple[dict[str, str], set[str]]:
    """Swept keys with their spelling, and keys that a main configuration has without a sweep."""
    params: dict[str, str] = {}
    keys: set[str] = set()
    waiting, seen = [config_name.removesuffix(".yaml").removesuffix(".yml")], set[str]()
    while waiting:
        name = waiting.pop()
        folder = next((folder for folder in folders if name in folder.paths), None)
        if folder is None or name in seen:
            continue
        seen.add(name)
        content = folder.parsed(name)
        if not isinstance(content, Mapping):
            continue
        for key in _params(content):
            params.setdefault(key.lstrip("+"), key)
        keys |= {str(key) for key, value in content.items() if value != "???"}
        waiting += [entry for entry in content.get("defaults") or [] if isinstance(entry, str)]
    return params, keys - {"defaults", "hydra"}


def _params(content: Mapping[str, Any]) -> Iterable[str]:
    node: Any = content
    for step in ("hydra", "sweeper", "params"):
        node = node.get(step) if isinstance(node, Mapping) else None
    return [str(key) for key in node] if isinstance(node, Mapping) else []


def _respelt(argument: str, params: Mapping[str, str], keys: set[str]) -> str:
    match = _OVERRIDE.fullmatch(argument)
    if match is None:
        return argument
    plus, key, value = match["plus"], match["key"], match["value"]
    if key in params:
        return f"{params[key]}={value}"
    if plus == "+" and key in keys:
        return f"{key}={value}"
    return argument
