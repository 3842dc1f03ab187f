"""Configurations in their plain form: dicts, lists and what stands in them, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autrainer.errors import ConfigError

Plain = Mapping[str, Any]
"""A mapping of a configuration in its plain form: what YAML holds."""


def as_plain(config: Plain) -> dict[str, Any]:
    """A configuration as a new dictionary of plain containers, interpolations resolved."""
    if isinstance(config, dict):
        return dict(config)
    from omegaconf import OmegaConf

    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    return plain


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
