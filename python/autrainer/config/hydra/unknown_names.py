"""Hydra's errors about names that are not there, with the names that may be meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hydra.errors import CompactHydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import OmegaConf

from autrainer.config.hydra.groups import optional_keys
from autrainer.config.hydra.internals import ObjectType
from autrainer.errors import ConfigError, did_you_mean


class UnusableOverrideError(ConfigError):
    """An override that no configuration can be composed with.

    Args:
        message: What is wrong with it.
        override: The override.
    """

    def __init__(self, message: str, override: str) -> None:
        super().__init__(message)
        self.override = override


MOST_OPTIONS = 30
"""Options of a group that are listed where none of them is near."""

_NOT_THERE = re.compile(r"Could not (?:override|delete from config\.) '?(?P<key>[^'\s]+)'?")
_LEADS_TO = re.compile(r"Could not (?:find|load) '(?P<name>[^']+)'")
_NO_MAIN = re.compile(r"Cannot find primary config '(?P<name>[^']+)'")


def explained(
    error: CompactHydraException, loader: Any, config_name: str | None, overrides: Sequence[str]
) -> ConfigError:
    """An error of Hydra's as one of ours.

    Args:
        error: What composing raised.
        loader: Hydra's config loader.
        config_name: The main configuration.
        overrides: The overrides that it was composed with.
    """
    text = str(error).strip()
    if isinstance(error, OverrideParseException):
        if "=" not in error.override and not error.override.startswith("~"):
            key = error.override.lstrip("+")
            told = f"has no value; write {key}=VALUE"
        else:
            told = f"cannot be read: {text}"
        message = f"the override {error.override!r} {told}"
        return UnusableOverrideError(message, error.override)
    if isinstance(error, MissingConfigException):
        if missing := _NO_MAIN.search(text):
            return ConfigError(_missing_main(missing["name"], loader))
        if missing := _LEADS_TO.search(text):
            message = _missing_option(missing["name"], text, loader)
            return _of(overrides, missing["name"].replace("/", "="), message)
    if found := _NOT_THERE.search(text):
        message = _missing_key(found["key"], loader, config_name, overrides)
        return _of(overrides, f"{found['key']}=", message)
    cause = error.__cause__
    return ConfigError(f"{text}\n{cause}" if cause is not None else text)


def _of(overrides: Sequence[str], start: str, message: str) -> ConfigError:
    """An error with the override that it is about, if that can be told."""
    for override in overrides:
        if override.lstrip("+~").startswith(start):
            return UnusableOverrideError(message, override)
    return ConfigError(message)


def refuse_params(composed: Any) -> None:
    """Refuse a sweep over something that is no mapping, which Hydra stumbles over.

    Raises:
        ConfigError: if so.
    """
    sweeper = composed.hydra.sweeper
    if not OmegaConf.is_dict(sweeper):
        raise ConfigError(f"hydra.sweeper is {sweeper!r}; use a mapping, or leave it out")
    params = sweeper.get("params")
    if params is not None and not OmegaConf.is_dict(params):
        raise ConfigError(
            f"hydra.sweeper.params is {params!r}; use a mapping of keys to values, such as "
            "'+seed: 1, 2'"
        )


def explained_value(error: ValueError, overrides: Sequence[str]) -> ConfigError:
    """What Hydra says of a value of the wrong type, with the overrides that may be meant."""
    if "defaults" in str(error) or not overrides:
        return ConfigError(str(error))
    suspects = [text for text in overrides if "." not in text.partition("=")[0]] or overrides
    return ConfigError(
        f"{' or '.join(repr(text) for text in suspects)} has a value of the wrong type: {error}; "
        "a group takes the name of a configuration, and a name of digits alone stands in quotes: "
        "\"dataset='2020'\""
    )


def _missing_main(name: str, loader: Any) -> str:
    mains = [main for main in _mains(loader) if not main.startswith("_")]
    # Somebody who gives a path means the name of the file.
    last = name.rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml")
    if last in mains:
        return (
            f"there is no main configuration {name!r}; name it without its folder: -cn {last} "
            "(-cd FOLDER if it is not in conf)"
        )
    hint = did_you_mean(last, mains)
    known = f"there are {', '.join(mains)}" if mains else "there is none"
    return f"there is no main configuration {name!r}; {f'{hint} ' if hint else ''}{known}"


def _mains(loader: Any) -> list[str]:
    return [str(name) for name in loader.get_group_options("", ObjectType.CONFIG)]


def _missing_option(name: str, text: str, loader: Any) -> str:
    group, _, option = name.rpartition("/")
    if not group:
        hint = did_you_mean(option, _mains(loader)) or f"use one of {', '.join(_mains(loader))}"
        return f"the defaults name {option!r}, of which there is no configuration; {hint}"
    options = loader.get_group_options(group)
    if not options:
        near = did_you_mean(group, loader.get_group_options("", ObjectType.GROUP))
        return f"there is no group {group!r} of configurations; {near}" if near else text
    all_of_them = f"use one of {', '.join(options)}"
    if len(options) > MOST_OPTIONS:
        all_of_them = f"autrainer list {group} prints all {len(options)}"
    hint = did_you_mean(option, options) or all_of_them
    return f"{group} is {option!r}, of which there is no configuration; {hint}"


def _missing_key(key: str, loader: Any, config_name: str | None, overrides: Sequence[str]) -> str:
    others = [text for text in overrides if text.lstrip("+~").partition("=")[0] != key]
    known = _known_keys(loader, config_name, others) or _known_keys(loader, config_name, [])
    given = next((text for text in overrides if text.startswith(f"{key}=")), f"{key}=...")
    hint = _near_key(key, {*known, *optional_keys()})
    return f"{key} is no key of the configuration (the command line); " + (
        f"{hint} To add a new key, write +{given}" if hint else f"to add it, write +{given}"
    )


def _known_keys(loader: Any, config_name: str | None, overrides: list[str]) -> list[str]:
    """The keys of a configuration; none if it does not compose."""
    try:
        composed = loader.load_configuration(config_name, overrides, RunMode.MULTIRUN)
    except CompactHydraException:
        return []
    OmegaConf.set_struct(composed, False)
    composed.pop("hydra")
    return list(_keys(OmegaConf.to_container(composed, resolve=False)))


def _near_key(key: str, known: Collection[str]) -> str:
    """The near match of the first part of a key that is not there.

    Parts are compared with their neighbours alone: `model.nope` is not nearly `model.id`.
    """
    parent = ""
    for part in key.split("."):
        path = f"{parent}.{part}" if parent else part
        if path not in known:
            beside = [
                name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == parent
            ]
            return did_you_mean(part, sorted(beside))
        parent = path
    return ""


def _keys(content: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield f"{prefix}{key}"
            yield from _keys(value, f"{prefix}{key}.")
