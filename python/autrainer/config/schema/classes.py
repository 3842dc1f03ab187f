"""Classes that a configuration names, checked before they are called."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from autrainer.config.locate import locate, public_path
from autrainer.config.plain import Plain
from autrainer.config.schema.annotations import annotations_of, misfit
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.required_arguments import Needed
from autrainer.config.schema.targets import Target
from autrainer.errors import ConfigError, did_you_mean

_CONTROL = frozenset({"_target_", "_convert_", "_recursive_", "_partial_", "_args_", "id"})
_KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def check_target(
    target: Target,
    expected: type | tuple[type, ...],
    *,
    injected: Iterable[str] = (),
    none_allowed: bool = False,
) -> list[Problem]:
    """What is wrong with what a configuration names; nothing is built.

    Args:
        target: What it names.
        expected: What the class has to derive from.
        injected: Arguments that whoever builds the object adds.
        none_allowed: The path `None` is fine.
    """
    where = target.path_key or target.key
    if target.problem is not None:
        return [target.problem]
    if target.is_none and none_allowed:
        return []
    try:
        found = locate(target.path)
    except ConfigError as error:
        return [Problem(where, "cannot be used", str(error))]
    if not callable(found):
        what = f"names {target.path}, which is a {type(found).__name__}"
        return [Problem(where, what, "name a class")]
    problems = _kind_problems(where, target.path, found, expected)
    arguments, consumed = target.written, set(target.consumed)
    if problems or arguments.get("_partial_") or arguments.get("_args_"):
        return problems
    given = {name for name in arguments if name not in _CONTROL} - consumed
    key, injected = target.key, set(injected)
    problems = argument_problems(key, found, given | injected, consumed, injected)
    return problems or value_problems(key, found, arguments)


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


def _has_to_be_given(default: object, given: set[str]) -> bool:
    if isinstance(default, Needed):
        return default.is_needed(given)
    return default is inspect.Parameter.empty


def value_problems(key: str, target: Any, arguments: Plain) -> list[Problem]:
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
