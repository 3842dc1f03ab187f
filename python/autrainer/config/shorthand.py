"""The shorthand syntax: an import path, or an import path with its arguments."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from autrainer.errors import ConfigError

log = logging.getLogger(__name__)

Shorthand = str | dict[str, Any]
"""An import path, or a mapping of an import path to its arguments."""


def split_shorthand(config: Any, key: str = "a shorthand") -> tuple[str, dict[str, Any]]:
    """The import path and the arguments of a shorthand.

    Args:
        config: The shorthand.
        key: Where it stands; for messages.
    """
    if isinstance(config, str) and config:
        return config, {}
    plain = plain_copy(config) if isinstance(config, Mapping) or hasattr(config, "keys") else None
    if not plain or not isinstance(next(iter(plain)), str):
        raise ConfigError(
            f"{key} is {config!r}; use an import path, or a mapping of an import path to arguments"
        )
    path = next(iter(plain))
    arguments = plain.pop(path) or {}
    if not isinstance(arguments, Mapping):
        raise ConfigError(
            f"{key}: {path} has the arguments {arguments!r}; use a mapping of names to values"
        )
    if plain:
        _warn_indentation(key, path, ", ".join(map(str, plain)))
    return path, {**arguments, **plain}


@lru_cache(maxsize=256)
def _warn_indentation(key: str, path: str, others: str) -> None:
    log.warning(
        "%s: %s and %s stand side by side, taken as arguments of the first; indent them",
        key,
        path,
        others,
    )


def plain_copy(config: Any) -> dict[str, Any]:
    """A configuration as containers of the caller's own, interpolations resolved.

    Raises:
        ConfigError: if it is none, or naming the key of an interpolation that leads nowhere.
    """
    if isinstance(config, dict) and not _has_interpolation(config):
        return {key: _copied(value) for key, value in config.items()}
    if not isinstance(config, dict) and not hasattr(config, "_metadata"):
        raise ConfigError(f"{config!r} is no configuration; use a mapping with _target_")
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        if isinstance(config, dict):
            config = OmegaConf.create(config, flags={"allow_objects": True})
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        reason = str(error).split("\n")[0]
        raise ConfigError(f"{error.full_key} cannot be resolved: {reason}") from error
    return plain


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if hasattr(value, "_metadata"):
        from omegaconf import OmegaConf

        return OmegaConf.to_container(value, resolve=True)
    return value


def _has_interpolation(value: Any) -> bool:
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict):
        return any(map(_has_interpolation, value.values()))
    return isinstance(value, list) and any(map(_has_interpolation, value))
