"""Classes that a configuration names, checked before they are called."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from autrainer.config.locate import locate, public_path
from autrainer.config.schema.annotations import annotations_of, misfit
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.required_arguments import Needed
from autrainer.config.shorthand import parse_shorthand
from autrainer.errors import ConfigError, did_you_mean

_CONTROL = frozenset({"_target_", "_convert_", "_recursive_", "_partial_", "_args_", "id"})
_KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


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
    where = key if shorthand else f"{key}._target_"
    try:
        split = _split(config, key, shorthand)
        if isinstance(split, Problem):
            return [split]
        path, arguments = split
        if path == "None" and none_allowed:
            return []
        target = locate(path)
    except ConfigError as error:
        return [Problem(where, "cannot be used", str(error))]
    if not callable(target):
        return [Problem(where, f"names {path}, which is a {type(target).__name__}", "name a class")]
    problems = _kind_problems(where, path, target, expected)
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
    if not isinstance(target, type):
        return []
    if not issubclass(target, expected):
        kinds = expected if isinstance(expected, tuple) else (expected,)
        names = " or ".join(map(public_path, kinds))
        return [Problem(key, f"names {path}", f"it has to be a subclass of {names}")]
    if missing := sorted(getattr(target, "__abstractmethods__", ())):
        return [Problem(key, f"names {path}", f"the class has to define {', '.join(missing)}")]
    return []


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
    label = public_path(target) if hasattr(target, "__qualname__") else key
    problems = []
    if not open_ended:
        allowed = [*(name for name in names if name not in injected), *sorted(consumed)]
        for name in sorted(given - set(names)):
            is_injected = name in injected
            problems.append(
                _not_taken(key, name, label) if is_injected else _unknown(key, name, label, allowed)
            )
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
            fix = f"{public_path(target)} takes {wanted}"
            problems.append(Problem(f"{key}.{name}", f"is {value!r}", fix))
    return problems


def _unknown(key: str, name: str, label: str, allowed: list[str]) -> Problem:
    hint = did_you_mean(name, allowed)
    fix = hint or (f"it takes {', '.join(allowed)}" if allowed else "it takes none")
    return Problem(f"{key}.{name}", f"is no argument of {label}", fix)


def _not_taken(key: str, name: str, label: str) -> Problem:
    """An argument that a run gives and a class does not take."""
    fix = f"its constructor has to take {name}, which the run gives"
    return Problem(key, f"names {label}", fix)
