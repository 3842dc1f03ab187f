"""Objects from configurations: `_target_` mappings and the shorthand syntax."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import Enum
from typing import Any

from autrainer.config.locate import locate
from autrainer.config.plain import plain_copy
from autrainer.config.schema.classes import argument_problems
from autrainer.config.schema.targets import Target
from autrainer.config.shorthand import split_shorthand
from autrainer.errors import ConfigError

# Hydra keeps lists of callables that a configuration may not name, such as `os.system`. They are
# of the standard library or of these packages; whatever comes from there is left to Hydra.
_GUARDED = frozenset({"cloudpickle", "dill", "hydra", "yaml"}) | sys.stdlib_module_names


class HydraConvertEnum(str, Enum):
    """What nested containers are when they reach a constructor; see `hydra.utils.instantiate`."""

    NONE = "none"
    PARTIAL = "partial"
    OBJECT = "object"
    ALL = "all"


def instantiate(
    config: Any,
    instance_of: type | None = None,
    convert: HydraConvertEnum | str | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """Build the object that a configuration describes.

    Args:
        config: Mapping with `_target_`, an import path, and arguments; `id` is left out. It may
            hold `_convert_`, `_recursive_`, `_partial_` and `_args_` as Hydra knows them, which
            win over the arguments of this function. It is left as it is.
        instance_of: What the object has to be.
        convert: What nested containers become; plain ones by default.
        recursive: Build nested configurations with a `_target_` too.
        **kwargs: More arguments; they win over those of the configuration.

    Returns:
        The object, or None if `_target_` is the text `None`.

    Raises:
        ConfigError: if there is no target, it does not import, does not take the arguments, or
            makes something that is no `instance_of`.
    """
    arguments = plain_copy(config)
    target = arguments.pop("_target_", None)
    if target is None or target == "":
        raise ConfigError(f"_target_ is missing in {_shown(arguments)}; name a class by its path")
    if target == "None":
        return None
    arguments.pop("id", None)
    mode = HydraConvertEnum(arguments.pop("_convert_", None) or convert or HydraConvertEnum.ALL)
    recursive = bool(arguments.pop("_recursive_", recursive))
    special = recursive or mode is not HydraConvertEnum.ALL or "_partial_" in arguments
    kind = locate(target) if isinstance(target, str) else target
    if special or _is_guarded(target, kind):
        built = _by_hydra(target, arguments, mode, recursive, kwargs)
    else:
        built = _call(kind, arguments.pop("_args_", ()), {**arguments, **kwargs})
    if instance_of is not None and not isinstance(built, instance_of):
        raise ConfigError(
            f"{_path(target)} makes a {type(built).__name__}; a {_path(instance_of)} is needed"
        )
    return built


def instantiate_shorthand(
    config: Any,
    instance_of: type | None = None,
    convert: HydraConvertEnum | str | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """Build the object that a shorthand describes: an import path, or one with its arguments.

    Args:
        config: An import path, or a mapping of an import path to arguments.
        instance_of: As in `instantiate`.
        convert: As in `instantiate`.
        recursive: As in `instantiate`.
        **kwargs: As in `instantiate`.

    Raises:
        ConfigError: as `instantiate`, and if the shorthand is empty.
    """
    path, arguments = split_shorthand(config)
    return instantiate({**arguments, "_target_": path}, instance_of, convert, recursive, **kwargs)


def build(target: Target, instance_of: type | None = None, **kwargs: Any) -> Any:
    """Build the object that a section of a configuration names.

    Args:
        target: What it names.
        instance_of: As in `instantiate`.
        **kwargs: More arguments; they win over those of the configuration.

    Raises:
        ConfigError: as `instantiate`.
    """
    return instantiate(target.config, instance_of, **kwargs)


def _is_guarded(target: Any, kind: Any) -> bool:
    names = (target, getattr(kind, "__module__", None) or "builtins")
    return any(str(name).split(".", 1)[0] in _GUARDED for name in names)


def _call(kind: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    try:
        return kind(*args, **kwargs)
    except TypeError as error:
        # Only a call that cannot be bound is the configuration's fault.
        problems = argument_problems(_path(kind), kind, kwargs) if not args else []
        if not problems:
            raise
        raise ConfigError("; ".join(problem.line() for problem in problems)) from error


def _by_hydra(
    target: Any,
    arguments: dict[str, Any],
    mode: HydraConvertEnum,
    recursive: bool,
    kwargs: dict[str, Any],
) -> Any:
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate as build

    config = {**arguments, "_target_": target}
    try:
        return build(config, _convert_=mode.value, _recursive_=recursive, **kwargs)
    except InstantiationException as error:
        if isinstance(error.__cause__, Exception) and not isinstance(error.__cause__, TypeError):
            raise error.__cause__ from None
        raise ConfigError(str(error)) from error


def _path(kind: Any) -> str:
    if isinstance(kind, str):
        return kind
    return f"{getattr(kind, '__module__', '?')}.{getattr(kind, '__qualname__', kind)}"


def _shown(arguments: Mapping[str, Any]) -> str:
    text = repr(dict(arguments))
    return text if len(text) <= 80 else f"{text[:77]}..."
