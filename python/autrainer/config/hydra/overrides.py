"""The command line, before Hydra sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from autrainer.config.hydra.groups import is_optional
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

        Overrides come first: argparse takes them in one place alone, before flags or behind them.
        An override of a key that `hydra.sweeper.params` sweeps over takes that spelling, so that
        it replaces the sweep; `+key=` of a key that is there already becomes `key=`. Keys that
        every configuration may have, such as `callbacks` or `model.model_checkpoint`, need no `+`.
        Other keys inside a group that is swept over are looked for in what the sweep chooses, not
        in the default.
        """
        known = _known_keys(config_name, folders)
        chosen = {
            match["key"]: match["value"] for match in map(_OVERRIDE.fullmatch, self.rest) if match
        }
        spelt: list[str] = []
        for argument in self.rest:
            spelt += known.spelt(argument, chosen)
        return _overrides_first(spelt)


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


def _overrides_first(arguments: Sequence[str]) -> list[str]:
    overrides: list[str] = []
    others: list[str] = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        is_override = before not in _TAKE_A_VALUE and re.match(r"[^-].*=|~", argument, re.DOTALL)
        (overrides if is_override else others).append(argument)
    return overrides + others


_TAKE_A_VALUE = ("-c", "--cfg", "-p", "--package", "--config-name", "--experimental-rerun")
"""Flags of Hydra whose value is an argument of its own."""

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


@dataclass(frozen=True)
class _Known:
    """What a main configuration says about spellings.

    Args:
        params: Spelling and value of every key that is swept over.
        keys: Keys that it has without a sweep.
    """

    params: dict[str, tuple[str, Any]]
    keys: set[str]

    def spelt(self, argument: str, chosen: Mapping[str, str]) -> Sequence[str]:
        """An argument as Hydra needs it, after others that it depends on.

        Args:
            argument: What was typed.
            chosen: Values on the command line, by key.
        """
        match = _OVERRIDE.fullmatch(argument)
        if match is None:
            return [argument]
        plus, key, value = match["plus"], match["key"], _quoted(match["value"])
        argument = f"{plus}{key}={value}"
        if key in self.params:
            return [f"{self.params[key][0]}={value}"]
        if plus == "+" and key in self.keys:
            return [f"{key}={value}"]
        if plus == "" and is_optional(key):
            return [f"++{argument}"]
        group, dot, _ = key.partition(".")
        if plus == "" and dot and group in self.params:
            return self._within(group, argument, chosen)
        return [argument]

    def _within(self, group: str, argument: str, chosen: Mapping[str, str]) -> Sequence[str]:
        spelling, swept = self.params[group]
        choice = str(chosen.get(group, swept))
        if any(character in choice for character in ",("):
            # Hydra compares keys with the default of the group; the sweep has others.
            return [f"++{argument}"]
        return [argument] if group in chosen else [f"{spelling}={choice}", argument]


def _quoted(value: str) -> str:
    """Letters outside ASCII, as in the name of a folder, which Hydra reads in quotes only."""
    if value.isascii() or any(character in value for character in "'\"\\,()[]{}$"):
        return value
    return f"'{value}'"


def _known_keys(config_name: str, folders: Sequence[Named]) -> _Known:
    known = _Known({}, set())
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
        for key, value in _params(content).items():
            known.params.setdefault(key.lstrip("+"), (key, value))
        known.keys.update(str(key) for key, value in content.items() if value != "???")
        defaults = content.get("defaults")
        for entry in defaults if isinstance(defaults, list) else []:
            if isinstance(entry, str):
                waiting.append(entry)
            elif isinstance(entry, Mapping):
                known.keys.update(str(group).removeprefix("override ") for group in entry)
    known.keys.difference_update(("defaults", "hydra"))
    return known


def _params(content: Mapping[str, Any]) -> dict[str, Any]:
    node: Any = content
    for step in ("hydra", "sweeper", "params"):
        node = node.get(step) if isinstance(node, Mapping) else None
    return {str(key): value for key, value in node.items()} if isinstance(node, Mapping) else {}
