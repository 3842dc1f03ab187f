"""What import paths of a configuration name, and what may be meant by those that name nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

from autrainer.config.error_places import place_in_user_code
from autrainer.config.module_reload import import_noted
from autrainer.errors import AutrainerError, ConfigError, did_you_mean

MOST_FILES = 200
"""Files of a working directory that are searched for the class that a name may mean."""


_check: ContextVar[Callable[[str], object] | None] = ContextVar("check", default=None)


@contextmanager
def checked_paths(check: Callable[[str], object]) -> Iterator[None]:
    """Within, every import path is shown to a function before it is imported.

    Args:
        check: Raises an error of its own for a path that nobody has allowed.
    """
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


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
        hint = _written_out(path) or "write package.module.Name"
        raise ConfigError(f"{prefix}{path!r} is no import path; {hint}")
    if (check := _check.get()) is not None:
        check(path)
    try:
        module, rest = _import_longest(parts)
    except AutrainerError:
        raise
    except ModuleNotFoundError as error:
        hint = _module_near(parts[0]) if error.name == parts[0] else ""
        raise ConfigError(f"{prefix}{path} cannot be imported: {_reason(error)}{hint}") from error
    except Exception as error:
        raise ConfigError(f"{prefix}{path} cannot be imported: {_reason(error)}") from error
    found: Any = module
    for name in rest:
        if not hasattr(found, name):
            raise ConfigError(f"{prefix}{_not_there(path, found, name)}")
        found = getattr(found, name)
    return found


def _reason(error: Exception) -> str:
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
    hint = did_you_mean(name, options) or _written_out(path.rpartition(".")[2])
    return f"{path} cannot be imported: the {kind} {where} has no {name!r}" + (
        f"; {hint}" if hint else ""
    )


def _written_out(name: Any) -> str:
    """The import path that may be meant by the name of a class alone, as a hint; or nothing."""
    from autrainer.config.catalogue import all_paths

    if not isinstance(name, str) or not name.isidentifier():
        return ""
    known = all_paths() | _classes_beside()
    if name in known:
        return f"did you mean {known[name]!r}?"
    lowered = {option.lower(): path for option, path in known.items()}
    if name.lower() in lowered:
        return f"did you mean {lowered[name.lower()]!r}?"
    return ""


def _classes_beside() -> dict[str, str]:
    """Import paths of the classes in the files of the working directory, by name."""
    found: dict[str, str] = {}
    for file in sorted(Path.cwd().glob("*.py"))[:MOST_FILES]:
        text = file.read_text(encoding="utf-8", errors="replace")
        for name in re.findall(r"^class (\w+)", text, re.M):
            found.setdefault(name, f"{file.stem}.{name}")
    return found


def _module_near(name: str) -> str:
    """Modules of the working directory that may be meant, as a hint."""
    here = Path.cwd()
    options = [path.stem for path in here.iterdir() if path.is_dir() or path.suffix == ".py"]
    hint = did_you_mean(name, [*options, "autrainer", "torch"])
    return f"; {hint}" if hint else f"; modules of yours are looked for in {here}"


def public_path(kind: Any) -> str:
    """The shortest import path of a class or function: that of the package that offers it."""
    module, name = getattr(kind, "__module__", "?"), getattr(kind, "__qualname__", repr(kind))
    parts = module.split(".")
    for length in range(1, len(parts)):
        package = ".".join(parts[:length])
        if getattr(sys.modules.get(package), name, None) is kind:
            return f"{package}.{name}"
    return f"{module}.{name}"
