"""Reading the objects in YAML files of earlier versions as the plain values they stand for.

They wrote numbers of NumPy as calls of its constructors. Nothing is called here: the bytes in the
file are decoded as the type that stands beside them.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from typing import Any

YAML = "tag:yaml.org,2002:"
PYTHON = f"{YAML}python/"
STRING, MAPPING, SEQUENCE = f"{YAML}str", f"{YAML}map", f"{YAML}seq"
SCALARS = ("numpy._core.multiarray.scalar", "numpy.core.multiarray.scalar")

# Kind and size in NumPy's notation -> format of the struct module.
FORMATS = {
    "b1": "?",
    **{"i1": "b", "i2": "h", "i4": "i", "i8": "q"},
    **{"u1": "B", "u2": "H", "u4": "I", "u8": "Q"},
    **{"f2": "e", "f4": "f", "f8": "d"},
}


@dataclass(frozen=True)
class Dtype:
    """A dtype as the file describes it."""

    code: str
    byteorder: str


class UnusualError(Exception):
    """More than plain values is in a file; never raised to who reads it."""


@functools.cache
def loader() -> type[Any]:
    """The safe loader of YAML, which also understands the tags of earlier versions."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """A safe loader with constructors of its own."""

        def get_single_data(self) -> Any:
            node = self.get_single_node()
            if node is None:
                return None
            try:
                return self._plain(node, set())
            except UnusualError:
                return self.construct_document(node)

        def _plain(self, node: Any, seen: set[int]) -> Any:
            """What a node stands for, if nothing but plain values is in it: four times as fast.

            Raises:
                UnusualError: if there is more to it, be it an alias, a merge or a mistake.
            """
            kind = type(node)
            if kind is scalar_node:
                if node.tag == STRING:
                    return node.value
                construct = scalars.get(node.tag)
                if construct is None:
                    raise UnusualError
                try:
                    return construct(self, node)
                except ValueError as error:
                    raise UnusualError from error
            if id(node) in seen:
                raise UnusualError
            seen.add(id(node))
            if kind is mapping_node and node.tag == MAPPING:
                content = {}
                for key, value in node.value:
                    if type(key) is not scalar_node or key.tag != STRING:
                        raise UnusualError
                    content[key.value] = self._plain(value, seen)
                return content
            if kind is sequence_node and node.tag == SEQUENCE:
                return [self._plain(each, seen) for each in node.value]
            raise UnusualError

        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep=deep)
            except (ValueError, TypeError, AttributeError, LookupError) as error:
                place = node.start_mark
                raise yaml.constructor.ConstructorError(None, None, str(error), place) from error

    scalars = {
        f"{YAML}int": Loader.construct_yaml_int,
        f"{YAML}float": Loader.construct_yaml_float,
        f"{YAML}bool": Loader.construct_yaml_bool,
        f"{YAML}null": Loader.construct_yaml_null,
    }
    scalar_node, mapping_node, sequence_node = yaml.ScalarNode, yaml.MappingNode, yaml.SequenceNode
    for name in SCALARS:
        Loader.add_constructor(f"{PYTHON}object/apply:{name}", _scalar)
    Loader.add_constructor(f"{PYTHON}object/apply:numpy.dtype", _dtype)
    Loader.add_constructor(f"{PYTHON}tuple", _tuple)
    for tag, kind in (("int", "int"), ("long", "int"), ("float", "float"), ("bool", "bool")):
        Loader.add_constructor(f"{PYTHON}{tag}", getattr(Loader, f"construct_yaml_{kind}"))
    for tag in ("str", "unicode"):
        Loader.add_constructor(f"{PYTHON}{tag}", Loader.construct_yaml_str)
    Loader.add_constructor(f"{PYTHON}none", Loader.construct_yaml_null)
    return Loader


def _tuple(loader: Any, node: Any) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


def _dtype(loader: Any, node: Any) -> Dtype:
    content = loader.construct_mapping(node, deep=True)
    code, state = content["args"][0], content.get("state") or (3, "<")
    if not isinstance(code, str) or state[1] not in ("<", ">", "|", "="):
        raise ValueError(f"{content} describes no dtype")
    return Dtype(code.lstrip("<>|="), ">" if state[1] == ">" else "<")


def _scalar(loader: Any, node: Any) -> Any:
    arguments = loader.construct_sequence(node, deep=True)
    if len(arguments) != 2 or not isinstance(arguments[0], Dtype):
        raise ValueError(f"{arguments} describe no number")
    dtype, data = arguments
    return _decoded(dtype, data)


def _decoded(dtype: Dtype, data: Any) -> Any:
    """The value of the bytes of a scalar."""
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if dtype.code.startswith("U"):
        text: str = raw.decode("utf-32-be" if dtype.byteorder == ">" else "utf-32-le")
        return text.rstrip("\0")
    if dtype.code not in FORMATS:
        raise ValueError(f"numbers of dtype {dtype.code!r} are not supported")
    try:
        return struct.unpack(dtype.byteorder + FORMATS[dtype.code], raw)[0]
    except struct.error as error:
        raise ValueError(f"{raw!r} is no number of dtype {dtype.code!r}") from error
