"""Whose code may run when a model is loaded.

The files of a run folder name classes, whose constructors are called. A folder that somebody else
has made could name any class of any library, so every name is looked at before it is imported.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import audobject

from autrainer.config.locate import checked_paths
from autrainer.errors import CorruptFileError, UntrustedCodeError
from autrainer.runs.addressed import AddressedObject
from autrainer.runs.objects import load_object

OURS = "autrainer"


@dataclass(frozen=True)
class Trust:
    """The classes that the files of a model may name.

    Models, transforms, file handlers and target transforms of autrainer always may. So may classes
    in modules that lie directly in one of some folders.

    Args:
        folders: Folders whose modules may be imported: all code in them is trusted.
        advice: How to allow more, for the error.
    """

    folders: tuple[Path, ...] = ()
    advice: str = "allow it only if you trust whoever made the model"

    def check(self, address: str) -> None:
        """Look whether a class may be imported and built.

        Args:
            address: Its import path.

        Raises:
            UntrustedCodeError: if it may not.
        """
        module, _, name = address.rpartition(".")
        if module.partition(".")[0] == OURS:
            self._check_own(address, module, name)
        elif not any(_lies_in(module, folder) for folder in self.folders):
            raise UntrustedCodeError(
                f"the class {address} is none of autrainer's, and nobody has allowed its code to "
                f"run; {self.advice}"
            )

    def load(self, path: Path, kind: type, override_args: Mapping[str, Any] | None = None) -> Any:
        """Build the object that a file describes.

        Args:
            path: The file.
            kind: What the object has to be.
            override_args: Arguments that replace those in the file.

        Raises:
            UntrustedCodeError: naming the file and a class that may not be built.
            CorruptFileError: if the file describes no such object.
        """
        try:
            with checked_paths(self.check):
                loaded = load_object(path, override_args, self.check)
        except UntrustedCodeError as error:
            raise UntrustedCodeError(f"{path}: {error}") from error
        except (ImportError, AttributeError, RuntimeError, TypeError) as error:
            raise CorruptFileError(
                f"{path}: the object that it describes cannot be built: {error}"
            ) from error
        if not isinstance(loaded, kind):
            raise CorruptFileError(
                f"{path}: expected a {kind.__name__}, found a {type(loaded).__name__}"
            )
        return loaded

    def open_imports(self) -> None:
        """Let Python find the modules of the folders, behind all others."""
        for folder in self.folders:
            if str(folder) not in sys.path:
                sys.path.append(str(folder))

    def _check_own(self, address: str, module: str, name: str) -> None:
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise UntrustedCodeError(
                f"this version of autrainer has no class {address} ({error})"
            ) from error
        is_class = isinstance(found, type) and found.__module__.partition(".")[0] == OURS
        if not is_class or not issubclass(found, (AddressedObject, audobject.Object)):
            raise UntrustedCodeError(f"{address} is no model, transform, or other part of a model")


def _lies_in(module: str, folder: Path) -> bool:
    """Whether importing a module takes its code from a folder, and from no other place."""
    parts = module.split(".")
    if not all(map(str.isidentifier, parts)) or parts[0] in sys.stdlib_module_names:
        return False
    path: list[str] = [*sys.path, str(folder)]
    place = folder.resolve()
    loaded = getattr(sys.modules.get(module), "__spec__", None)
    if loaded is not None and loaded.has_location and _is_of(loaded, place.joinpath(*parts)):
        # It has run, and so have its packages, some of which may be empty modules of pytest's.
        return True
    for number, part in enumerate(parts, 1):
        spec = _spec(".".join(parts[:number]), path)
        if spec is None:
            return False
        place /= part
        if spec.has_location:
            return _is_of(spec, place)
        # A package without `__init__.py`: as many folders as are called like it; go on in them.
        path = list(spec.submodule_search_locations or [])
    return False


def _is_of(spec: importlib.machinery.ModuleSpec, place: Path) -> bool:
    """Whether a module or package is the file of this place, without its suffix."""
    files = {place.with_name(f"{place.name}.py"), place / "__init__.py"}
    return Path(str(spec.origin)).resolve() in files


def _spec(name: str, path: list[str]) -> importlib.machinery.ModuleSpec | None:
    """Where a module comes from, of one that is imported already or would be; nothing is run."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        return getattr(loaded, "__spec__", None)
    return importlib.machinery.PathFinder.find_spec(name, path)
