"""Hydra's errors about names that are not there, with the names that may be meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.errors import CompactHydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import OmegaConf

from autrainer.errors import ConfigError, did_you_mean

_NOT_THERE = re.compile(r"Could not (?:override|delete from config\.) '?(?P<key>[^'\s]+)'?")
_LEADS_TO = re.compile(r"Could not find '(?P<name>[^']+)'")


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
        return ConfigError(f"the override {error.override!r} cannot be read: {text}")
    if (missing := _LEADS_TO.search(text)) and isinstance(error, MissingConfigException):
        return ConfigError(_missing_option(missing["name"], text, loader))
    if found := _NOT_THERE.search(text):
        return ConfigError(_missing_key(found["key"], loader, config_name, overrides))
    cause = error.__cause__
    return ConfigError(f"{text}\n{cause}" if cause is not None else text)


def refuse_params(composed: Any) -> None:
    """Refuse a sweep over something that is no mapping, which Hydra stumbles over.

    Raises:
        ConfigError: if so.
    """
    params = composed.hydra.sweeper.get("params")
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


def _missing_option(name: str, text: str, loader: Any) -> str:
    group, _, option = name.rpartition("/")
    options = loader.get_group_options(group) if group else []
    if not options:
        return text
    hint = did_you_mean(option, options) or f"use one of {', '.join(options)}"
    return f"{group} is {option!r}, of which there is no configuration; {hint}"


def _missing_key(key: str, loader: Any, config_name: str | None, overrides: Sequence[str]) -> str:
    others = [text for text in overrides if text.lstrip("+~").partition("=")[0] != key]
    try:
        composed = loader.load_configuration(config_name, others, RunMode.MULTIRUN)
    except CompactHydraException:
        known: list[str] = []
    else:
        OmegaConf.set_struct(composed, False)
        composed.pop("hydra")
        known = list(_keys(OmegaConf.to_container(composed, resolve=False)))
    given = next((text for text in overrides if text.startswith(f"{key}=")), f"{key}=...")
    # Compared with its neighbours alone: `model.nope` is not nearly `model.id`.
    parent, _, last = key.rpartition(".")
    beside = [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == parent]
    hint = did_you_mean(last, beside)
    return f"{key} is no key of the configuration (the command line); " + (
        f"{hint} To add a new key, write +{given}" if hint else f"to add it, write +{given}"
    )


def _keys(content: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield f"{prefix}{key}"
            yield from _keys(value, f"{prefix}{key}.")
