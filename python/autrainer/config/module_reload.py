"""Modules of users in a process that goes on, as a notebook: edited ones are imported again."""

from __future__ import annotations

import ast
import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from autrainer.config.error_places import is_of_user, shown_path

log = logging.getLogger(__name__)

_STAMP = "__autrainer_stamp__"
_NAMED = "__autrainer_named__"
_PYC_HEADER = 16
_LOW_BITS = 0xFFFFFFFF


def import_noted(name: str) -> ModuleType:
    """Import a module that a configuration names, and note which files it and others came from."""
    before = len(sys.modules)
    module = importlib.import_module(name)
    if len(sys.modules) != before:
        for _, new in _of_users():
            if _STAMP not in vars(new):
                setattr(new, _STAMP, _stamp(_file_of(new)))
                setattr(new, _NAMED, True)
    return module


def forget_edited_modules() -> list[str]:
    """Let modules of users whose files have changed be imported again when they are next named.

    What imports them is imported again with them. Who holds the old ones keeps them.

    Returns:
        The files that have changed.
    """
    importlib.invalidate_caches()
    modules = dict(_of_users())
    changed = {name for name, module in modules.items() if _has_changed(name, module)}
    if not changed:
        return []
    files = [shown_path(_file_of(modules[name])) for name in sorted(changed)]
    for name in changed:
        _forget_bytecode(modules[name])
    for name in _with_dependents(changed, modules):
        sys.modules.pop(name, None)
    log.info("Imported again because it has changed: %s", ", ".join(files))
    return files


def _of_users() -> Iterator[tuple[str, ModuleType]]:
    for name, module in list(sys.modules.items()):
        file = _file_of(module)
        if file and name not in ("__main__", "__mp_main__") and is_of_user(file):
            yield name, module


def _file_of(module: Any) -> str:
    # What stands in `sys.modules` may be anything. `torch.ops` is a module that has every attribute
    # and the name of no file that it came from.
    names = vars(module) if isinstance(module, ModuleType) else {}
    file = names.get("__file__")
    return file if isinstance(file, str) and names.get("__spec__") is not None else ""


def _stamp(file: str) -> tuple[int, int] | None:
    """What changes when a file is edited; None if it is gone."""
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _has_changed(name: str, module: ModuleType) -> bool:
    file = _file_of(module)
    now = _stamp(file)
    if _STAMP not in vars(module):
        # Imported by the user: how its file was then is known of its bytecode alone.
        setattr(module, _STAMP, now)
        return now is not None and _bytecode_differs(module, now)
    return now != getattr(module, _STAMP) or _is_found_elsewhere(name, module)


def _bytecode_differs(module: ModuleType, stamp: tuple[int, int]) -> bool:
    if sys.dont_write_bytecode or type(module.__loader__) is not SourceFileLoader:
        return False
    try:
        header = Path(_bytecode_of(module)).read_bytes()[:_PYC_HEADER]
    except OSError:
        return False
    words = [int.from_bytes(header[start : start + 4], "little") for start in (4, 8, 12)]
    flags, seconds, size = words
    is_timed = len(header) == _PYC_HEADER and flags == 0
    return is_timed and (seconds, size) != (
        stamp[0] // 10**9 & _LOW_BITS,
        stamp[1] & _LOW_BITS,
    )


def _is_found_elsewhere(name: str, module: ModuleType) -> bool:
    """Whether an import would find another file: this process has gone to another project."""
    if "." in name or _NAMED not in vars(module):
        return False
    spec = PathFinder.find_spec(name, [os.getcwd(), *sys.path])
    return spec is None or os.path.realpath(spec.origin or "") != os.path.realpath(_file_of(module))


def _bytecode_of(module: ModuleType) -> str:
    return getattr(getattr(module, "__spec__", None), "cached", None) or ""


def _forget_bytecode(module: ModuleType) -> None:
    # An edit within the second that leaves the size as it was looks like none to Python.
    with contextlib.suppress(OSError):
        os.unlink(_bytecode_of(module))


def _with_dependents(changed: set[str], modules: dict[str, ModuleType]) -> set[str]:
    """These modules, and what imports them or is inside of a package among them."""
    imported = {name: set(_imports_of(name, module)) for name, module in modules.items()}
    forgotten = set(changed)
    grown = True
    while grown:
        more = {
            name
            for name in modules
            if name not in forgotten
            and (imported[name] & forgotten or any(_is_inside(name, one) for one in forgotten))
        }
        forgotten |= more
        grown = bool(more)
    return forgotten


def _is_inside(name: str, package: str) -> bool:
    return name.startswith(f"{package}.")


def _base_of(node: ast.ImportFrom, package: str) -> str:
    """The module that is named between `from` and `import`."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    above = parents[: len(parents) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _imports_of(name: str, module: ModuleType) -> Iterator[str]:
    """Names of what a module imports, wherever in its file; some of them may be no modules."""
    try:
        tree = ast.parse(Path(_file_of(module)).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base_of(node, package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
