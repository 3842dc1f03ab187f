"""Classes that a configuration names: found by import path, checked before they are called."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from autrainer.config.annotations import annotations_of, misfit
from autrainer.config.edited import import_noted
from autrainer.config.needed import Needed
from autrainer.config.places import place_in_user_code
from autrainer.config.problems import Problem
from autrainer.config.shorthand import parse_shorthand
from autrainer.errors import AutrainerError, ConfigError, did_you_mean

_CONTROL = frozenset({"_target_", "_convert_", "_recursive_", "_partial_", "_args_", "id"})
_KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def locate(path: str, key: str | None = None) -> Any:
    """What an import path names.

    Args:
        path: `package.module.Name`; `Name` may itself be dotted.
        key: Where the path stands; for messages.

    Raises:
        ConfigError: if it does not import, with the near matches of the name that is not there.
    """
    prefix = f"{key}: " if key else ""
    parts = path.split(".") if isinstance(path, str) else []
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise ConfigError(f"{prefix}{path!r} is no import path; write package.module.Name")
    try:
        module, rest = _import_longest(parts)
    except AutrainerError:
        raise
    except Exception as error:
        raise ConfigError(f"{prefix}{path} cannot be imported: {_told(error)}") from error
    found: Any = module
    for name in rest:
        if not hasattr(found, name):
            raise ConfigError(f"{prefix}{_not_there(path, found, name)}")
        found = getattr(found, name)
    return found


def _told(error: Exception) -> str:
    """An error of an import, with the line of the user's code where it was raised."""
    text, place = f"{type(error).__name__}: {error}", place_in_user_code(error)
    return text if place is None or str(place) in text else f"{text} ({place})"


def _import_longest(parts: list[str]) -> tuple[ModuleType, list[str]]:
    """Import as many leading parts as are modules; an error inside a module is not hidden."""
    module = import_noted(parts[0])
    for index, part in enumerate(parts[1:], 1):
        # A name that the module has is meant, even where a submodule is called the same.
        if hasattr(module, part) and not isinstance(getattr(module, part), ModuleType):
            return module, parts[index:]
        name = ".".join(parts[: index + 1])
        try:
            module = import_noted(name)
        except ModuleNotFoundError as error:
            if error.name not in (name, module.__name__):
                raise
            return module, parts[index:]
    return module, []


def _not_there(path: str, holder: Any, name: str) -> str:
    where = getattr(holder, "__name__", str(holder))
    kind = "module" if isinstance(holder, ModuleType) else "class"
    options = [option for option in dir(holder) if not option.startswith("_")]
    hint = did_you_mean(name, options)
    return f"{path} cannot be imported: the {kind} {where} has no {name!r}" + (
        f"; {hint}" if hint else ""
    )


def check_target(
    key: str,
    config: Any,
    expected: type | tuple[type, ...],
    *,
    injected: Iterable[str] = (),
    consumed: Iterable[str] = (),
    shorthand: bool = False,
    none_allowed: bool = False,
) -> list[Problem]:
    """What is wrong with a configuration that names a class; nothing is built.

    Args:
        key: Where the configuration stands, such as `dataset` or `loggers[0]`.
        config: Mapping with `_target_` and arguments, or a shorthand.
        expected: What the class has to derive from.
        injected: Arguments that whoever builds the object adds.
        consumed: Keys that are taken out before the class sees the rest.
        shorthand: The configuration is a shorthand.
        none_allowed: The target `None` is fine.
    """
    try:
        split = _split(config, key, shorthand)
        if isinstance(split, Problem):
            return [split]
        path, arguments = split
        if path == "None" and none_allowed:
            return []
        target = locate(path)
    except ConfigError as error:
        where = key if shorthand else f"{key}._target_"
        return [Problem(where, "cannot be used", str(error))]
    if not callable(target):
        return [Problem(key, f"names {path}, which is a {type(target).__name__}", "name a class")]
    problems = _kind_problems(key, path, target, expected)
    if problems or arguments.get("_partial_") or arguments.get("_args_"):
        return problems
    given = {name for name in arguments if name not in _CONTROL} - set(consumed)
    problems = argument_problems(key, target, given | set(injected), set(consumed), set(injected))
    return problems or value_problems(key, target, arguments)


def _split(config: Any, key: str, shorthand: bool) -> tuple[str, Mapping[str, Any]] | Problem:
    if shorthand:
        entry = parse_shorthand(config, key)
        return entry if isinstance(entry, Problem) else (entry.key, entry.arguments)
    if not isinstance(config, Mapping) and not hasattr(config, "keys"):
        raise ConfigError(f"{config!r} is no mapping with _target_ and arguments")
    path = config.get("_target_")
    if not path:
        raise ConfigError("it is missing; name a class by its import path")
    return path, config


def _kind_problems(
    key: str, path: str, target: Any, expected: type | tuple[type, ...]
) -> list[Problem]:
    if not isinstance(target, type) or issubclass(target, expected):
        return []
    kinds = expected if isinstance(expected, tuple) else (expected,)
    names = " or ".join(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
    return [Problem(key, f"names {path}", f"it has to be a subclass of {names}")]


def argument_problems(
    key: str,
    target: Any,
    given: Iterable[str],
    consumed: Iterable[str] = (),
    injected: Iterable[str] = (),
) -> list[Problem]:
    """Arguments that a callable does not take, and those that it needs but does not get.

    Args:
        key: What the problems are about.
        target: The callable; one without a signature takes anything.
        given: Names of the arguments that it gets.
        consumed: Names that are allowed beside them; for near matches.
        injected: Those of the given ones that no configuration sets.
    """
    try:
        parameters = inspect.signature(target).parameters
    except (ValueError, TypeError):
        return []
    given, injected = set(given), set(injected)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    names = [name for name, p in parameters.items() if p.kind in _KEYWORDS]
    label = f"{target.__module__}.{target.__qualname__}" if hasattr(target, "__qualname__") else key
    problems = []
    if not open_ended:
        allowed = [*(name for name in names if name not in injected), *sorted(consumed)]
        problems += [_unknown(key, name, label, allowed) for name in sorted(given - set(names))]
    for name in names:
        if name not in given and _has_to_be_given(parameters[name].default, given):
            instead = getattr(parameters[name].default, "unless", None)
            fix = f"{label} needs it" + (f", or {instead}" if instead else "")
            problems.append(Problem(f"{key}.{name}", "is missing", fix))
    return problems


def _has_to_be_given(default: Any, given: set[str]) -> bool:
    if isinstance(default, Needed):
        return default.is_needed(given)
    return default is inspect.Parameter.empty


def value_problems(key: str, target: Any, arguments: Mapping[str, Any]) -> list[Problem]:
    """Arguments of a kind that a callable of torch or of this package does not take.

    Args:
        key: What the problems are about.
        target: The callable.
        arguments: Its arguments by name, and others.
    """
    annotations = annotations_of(target)
    parameters = inspect.signature(target).parameters if annotations else {}
    problems = []
    for name, value in arguments.items():
        if name not in parameters or parameters[name].kind not in _KEYWORDS:
            continue
        wanted = misfit(annotations.get(name, Any), value)
        # A default may be of another kind than the annotation says.
        if wanted is not None and not (value is None and parameters[name].default is None):
            fix = f"{target.__module__}.{target.__qualname__} takes {wanted}"
            problems.append(Problem(f"{key}.{name}", f"is {value!r}", fix))
    return problems


def _unknown(key: str, name: str, label: str, allowed: list[str]) -> Problem:
    hint = did_you_mean(name, allowed)
    fix = hint or (f"it takes {', '.join(allowed)}" if allowed else "it takes none")
    return Problem(f"{key}.{name}", f"is no argument of {label}", fix)
