"""The parameters of a run that loggers and summaries show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autrainer.config.constants import ExportConstants
from autrainer.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig


def get_params_to_export(
    params: Mapping[str, Any] | DictConfig, prefix: str = ""
) -> dict[str, Any]:
    """Flatten a configuration with dots; it is left as it is.

    A mapping with an `id` counts as that id, and one in shorthand syntax as its first key; what is
    below an id follows under `key.child`. Left out are the keys in `ExportConstants.IGNORE_PARAMS`,
    keys of more than `LOGGING_DEPTH` parts, empty choices, and private keys except `_target_`.

    Args:
        params: The configuration, or a part of it.
        prefix: Key of that part.

    Raises:
        KeyError: if a mapping has a `_target_` but no `id`.

    >>> get_params_to_export({"seed": 1, "model": {"id": "FFNN", "_target_": "a.B", "size": 64}})
    {'seed': 1, 'model': 'FFNN', 'model._target_': 'a.B', 'model.size': 64}
    """
    constants = ExportConstants()
    flat: dict[str, Any] = {}
    _flatten(_plain(params), prefix, flat, constants.IGNORE_PARAMS, constants.LOGGING_DEPTH)
    return flat


def _plain(params: Mapping[str, Any] | DictConfig) -> Mapping[str, Any]:
    if isinstance(params, dict):
        return params
    from omegaconf import DictConfig, OmegaConf

    if isinstance(params, DictConfig):
        plain: Any = OmegaConf.to_container(params, resolve=True)
        return dict(plain)
    return params


def _flatten(
    params: Mapping[str, Any], prefix: str, flat: dict[str, Any], ignored: list[str], depth: int
) -> None:
    for name, value in params.items():
        key = f"{prefix}.{name}" if prefix else str(name)
        if _is_left_out(key, ignored, depth):
            continue
        if not isinstance(value, Mapping):
            flat[key] = value
        elif "id" in value:
            if value["id"] not in (None, "None"):
                flat[key] = value["id"]
                rest = {child: entry for child, entry in value.items() if child != "id"}
                _flatten(rest, key, flat, ignored, depth)
        elif "_target_" in value:
            raise _MissingIdError(f"{key} has a _target_ but no id; give it an id to export it")
        elif value:
            flat[key] = next(iter(value))


def _is_left_out(key: str, ignored: list[str], depth: int) -> bool:
    parts = key.split(".")
    *parents, last = parts
    return (
        len(parts) > depth
        or any(key == name or key.startswith(f"{name}.") for name in ignored)
        or any(part.startswith("_") for part in parents)
        or (last.startswith("_") and last != "_target_")
    )


class _MissingIdError(ConfigError, KeyError):
    """A part of the configuration cannot be named."""

    __str__ = ConfigError.__str__
