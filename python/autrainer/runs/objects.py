"""How to build an object again, as text: the YAML form of audobject, written without importing it.

A mapping with one key, `$module.Class==version`, whose value holds the constructor's arguments,
each read from the attribute of the same name. The module is the public one of the class
(`addresses.py`). What audobject's decorator says about hidden and
borrowed arguments and about resolvers is honoured.
"""

from __future__ import annotations

import datetime
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from autrainer.errors import CorruptFileError
from autrainer.runs.addresses import current_address, public_address
from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.reading import read_yaml
from autrainer.runs.yaml.writing import yaml_text

SCALARS = (str, int, float, bool, datetime.datetime, type(None))
UNBUILDABLE = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
EXTRA_ARGUMENTS = "_object_kwargs_"
ROOT = "_object_root_"
OLD_KEYS = ("auglib.core.", "audbenchmark.core.")
"""What audobject takes for an address without its `$`."""


def object_yaml(obj: Any) -> str:
    """Text from which `audobject.from_yaml` builds an equal object.

    Raises:
        TypeError: if the object or one of its arguments cannot be described, naming it.
    """
    return yaml_text(object_dict(obj))


def save_object(obj: Any, path: str | Path) -> None:
    """Write the text of an object; files that belong to it are written beside it.

    Raises:
        TypeError: if the object or one of its arguments cannot be described, naming it.
        OutputError: if the file cannot be written.
    """
    write_text(path, yaml_text(object_dict(obj, Path(path).parent)))


def load_object(
    path: str | Path,
    override_args: Mapping[str, Any] | None = None,
    check: Callable[[str], object] | None = None,
) -> Any:
    """Build the object that a file describes, under whatever address its classes were written.

    The constructors that the file names are called: without a check, load files of people whom
    you trust.

    Args:
        path: The file, such as `model.yaml` of a run.
        override_args: Arguments that replace those in the file, those of nested objects too.
        check: Called with the present address of every class that the file names, before the first
            of them is imported; it raises an error of its own for one that may not be built.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: if the file describes no object.
        ImportError: if there is no module of a class.
        AttributeError: if there is a module, but no such class in it.
    """
    import audobject

    described = read_yaml(path)
    if not isinstance(described, Mapping) or len(described) != 1 or not _is_key(*described):
        raise CorruptFileError(f"{path}: expected an object, `$module.Class: arguments`")
    renamed = _renamed(described)
    if check is not None:
        for address in _addresses(renamed):
            check(address)
    folder = str(Path(path).parent)
    return audobject.from_dict(renamed, folder, override_args=dict(override_args or {}))


def object_dict(obj: Any, root: Path | None = None) -> dict[str, dict[str, Any]]:
    """The text of an object before it is text.

    Args:
        obj: The object.
        root: Folder that takes the files of arguments that are kept in files of their own.

    Raises:
        TypeError: if the object or one of its arguments cannot be described, naming it.
    """
    if isinstance(obj, (*SCALARS, *UNBUILDABLE, list, tuple, dict, set)):
        raise TypeError(f"expected an object of a class with attributes, found {obj!r}")
    resolvers = getattr(obj, "resolvers", None) or {}
    encoded = {}
    for name, value in _arguments(obj).items():
        if value is not None and name in resolvers:
            setattr(resolvers[name], ROOT, None if root is None else str(root))
            value = resolvers[name].encode(value)
        encoded[name] = _encode(value, f"{type(obj).__name__}.{name}", root)
    return {class_key(type(obj)): encoded}


def class_key(cls: type, *, include_version: bool = True) -> str:
    """The key of a class in the files of a run: its address, and the version of its package."""
    package = sys.modules.get(cls.__module__.partition(".")[0])
    version = getattr(package, "__version__", None) if include_version else None
    return f"${public_address(cls)}" + (f"=={version}" if version else "")


def _is_key(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("$")


def _addresses(value: Any) -> Iterator[str]:
    """Addresses of all classes that a description names, in whatever form audobject takes them."""
    if isinstance(value, list):
        for entry in value:
            yield from _addresses(entry)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            if _is_key(key) or (isinstance(key, str) and key.startswith(OLD_KEYS)):
                yield key.removeprefix("$").split("==", 1)[0].rpartition(":")[2]
            yield from _addresses(entry)


def _renamed(value: Any) -> Any:
    """What a file describes, every class under its present address."""
    if isinstance(value, list):
        return [_renamed(entry) for entry in value]
    if not isinstance(value, Mapping):
        return value
    return {
        _renamed_key(key) if _is_key(key) else key: _renamed(entry) for key, entry in value.items()
    }


def _renamed_key(key: str) -> str:
    address, *version = key.removeprefix("$").split("==", 1)
    package, colon, path = address.rpartition(":")
    return "==".join([f"${package}{colon}{current_address(path)}", *version])


def _arguments(obj: Any) -> dict[str, Any]:
    """Arguments of the constructor by name, in its order."""
    own = getattr(type(obj), "arguments", None)
    if isinstance(own, property) and not getattr(own.fget, "__module__", "").startswith(
        "audobject"
    ):
        return dict(obj.arguments)
    borrowed = dict(getattr(obj, "borrowed_arguments", None) or {})
    left_out = {*(getattr(obj, "hidden_arguments", None) or ()), *borrowed, *borrowed.values()}
    arguments = {
        name: _attribute(obj, name) for name in _argument_names(obj) if name not in left_out
    }
    for name, lender in borrowed.items():
        arguments[name] = _borrow(obj, name, lender)
    return arguments


def _argument_names(obj: Any) -> list[str]:
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [
        parameter.name
        for parameter in inspect.signature(type(obj).__init__).parameters.values()
        if parameter.kind not in variadic
    ]
    names += getattr(obj, EXTRA_ARGUMENTS, ())
    return [name for name in names if name not in ("self", "kwargs") and not name.startswith("_")]


def _attribute(obj: Any, name: str) -> Any:
    try:
        return getattr(obj, name)
    except AttributeError:
        raise TypeError(
            f"{type(obj).__name__} takes {name!r} but keeps no attribute of this name, so it "
            f"cannot be written down; set self.{name} in its constructor"
        ) from None


def _borrow(obj: Any, name: str, lender: str) -> Any:
    holder = _attribute(obj, lender)
    if isinstance(holder, Mapping):
        return holder[name]
    return _attribute(holder, name)


def _encode(value: Any, where: str, root: Path | None) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return str.__str__(value)  # also the value of an enumeration of texts
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)  # also NumPy's float64
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {
            _encode(key, where, root): _encode(entry, f"{where}[{key!r}]", root)
            for key, entry in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_encode(entry, f"{where}[{i}]", root) for i, entry in enumerate(value)]
    if hasattr(value, "tolist"):
        return value.tolist()
    return _encode_object(value, where, root)


def _encode_object(value: Any, where: str, root: Path | None) -> dict[str, Any]:
    if isinstance(value, UNBUILDABLE):
        raise TypeError(f"{where} is {value!r}, which cannot be written down; register a resolver")
    try:
        return object_dict(value, root)
    except TypeError as error:
        raise TypeError(f"{where}: {error}") from error
