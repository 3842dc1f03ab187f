"""Libraries that only some runs need: whether they are there, and what to install."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from autrainer.errors import MissingExtraError


def is_installed(module: str) -> bool:
    """Whether a library can be imported.

    A folder of its name in the working directory, of logs for instance, is no library, although
    Python would import it.
    """
    return _origin(module) is not None


def require(module: str, needed_by: str, library: str, extra: str) -> Path:
    """Look for a library without importing it.

    Args:
        module: Name of its module.
        needed_by: What needs the library.
        library: Its name for the package installer.
        extra: The extra of this package that brings it.

    Returns:
        The folder that it lies in.

    Raises:
        MissingExtraError: if it is not installed.
    """
    origin = _origin(module)
    if origin is None:
        raise MissingExtraError(needed_by, library, extra)
    return Path(origin).parent


def _origin(module: str) -> str | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return None if spec is None else spec.origin


def imported(module: str, needed_by: str, library: str, extra: str) -> ModuleType:
    """Import a module of an optional library; the arguments are those of `require`.

    Raises:
        MissingExtraError: if it is not installed, or a part of it is missing.
    """
    require(module.partition(".")[0], needed_by, library, extra)
    try:
        return importlib.import_module(module)
    # A library of the system is missing: an OSError. Built for another torch: a RuntimeError.
    except (ImportError, OSError, RuntimeError) as error:
        raise MissingExtraError(needed_by, library, extra, reason=str(error)) from error
