"""Trees of values and tensors as one file that carries its format version and a checksum.

A sealed file holds a head (JSON: the tree, with a number in place of every tensor) and the tensors
as they lie in memory, each aligned to 64 bytes, and ends with a checksum over everything before.
Reading one executes nothing and believes nothing that the checksum does not cover.
"""

from __future__ import annotations

import base64
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from autrainer import _core
from autrainer.errors import CorruptFileError, DataError
from autrainer.runs.writing.files import find_numpy, with_folder
from autrainer.runs.writing.opening import reading

find_numpy()

MAGIC = b"autrainer sealed"
VERSION = 1
ALIGNMENT = 64
SEAL_BYTES = 16
_FIXED_BYTES = len(MAGIC) + 8 + 8

Bytes = npt.NDArray[np.uint8]


def write_sealed(path: str | os.PathLike[str], tree: Any) -> None:
    """Write a tree, whole or not at all.

    Args:
        path: The file; its folder is made.
        tree: Dicts, lists, tuples, sets, counters, texts, bytes, numbers, None, NumPy arrays of
            numbers and dense tensors. Tensors must lie in host memory and not change meanwhile.

    Raises:
        DataError: naming the place of a value that is nothing of these.
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    packer = _Packer()
    try:
        encoded = packer.encode(tree, "")
    except RecursionError as error:
        raise DataError("the tree is nested without end, or too deeply") from error
    head = json.dumps({"tree": encoded, "arrays": packer.specs}, separators=(",", ":")).encode()
    fixed = MAGIC + VERSION.to_bytes(8, "little") + len(head).to_bytes(8, "little")
    first = np.frombuffer(fixed + head, dtype=np.uint8)
    _core.write_sealed(with_folder(path), [first, *packer.arrays])


def read_sealed(path: str | os.PathLike[str]) -> Any:
    """The tree of a sealed file; tensors and arrays are writable and share no memory.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: naming the file, if it is not what was written or of a later version.
    """
    with reading(path) as file:
        content = np.fromfile(file, dtype=np.uint8)
    name = os.fspath(path)
    version, head_bytes = _fixed(name, content)
    body, found = content[:-SEAL_BYTES], content[-SEAL_BYTES:].tobytes()
    if seal_of(body) != found:
        raise CorruptFileError(
            f"{name}: expected content that fits its checksum, found other; the file was damaged"
        )
    if version > VERSION:
        raise CorruptFileError(
            f"{name}: expected format version {VERSION} or older, found {version}; "
            "read it with the version of autrainer that wrote it"
        )
    try:
        head = json.loads(body[_FIXED_BYTES : _FIXED_BYTES + head_bytes].tobytes())
        start = _aligned(_FIXED_BYTES + head_bytes)
        return _Reader(body[start:], head["arrays"]).decode(head["tree"])
    except (ValueError, TypeError, LookupError, RuntimeError, OverflowError) as error:
        # The checksum fits: whoever wrote this was not `write_sealed`.
        raise CorruptFileError(f"{name}: expected a sealed tree, found {error!r}") from error


def seal_of(content: Bytes) -> bytes:
    """Checksum of some bytes: XXH3 with 128 bits, little endian."""
    return bytes(_core.seal(content))


def _fixed(name: str, content: Bytes) -> tuple[int, int]:
    """Version and length of the head; the content is long enough for both and the checksum."""
    prefix = content[:_FIXED_BYTES].tobytes()
    if len(prefix) < _FIXED_BYTES or not prefix.startswith(MAGIC):
        raise CorruptFileError(
            f"{name}: expected a sealed file of autrainer, found {len(content)} other bytes"
        )
    numbers = prefix[len(MAGIC) :]
    version, head_bytes = (int.from_bytes(part, "little") for part in (numbers[:8], numbers[8:]))
    if len(content) < _FIXED_BYTES + head_bytes + SEAL_BYTES:
        raise CorruptFileError(f"{name}: expected more than {len(content)} bytes; it was cut off")
    return version, head_bytes


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


@dataclass
class _Packer:
    """Numbers the tensors of a tree and lists their memory."""

    def __post_init__(self) -> None:
        self.arrays: list[Bytes] = []
        self.specs: list[dict[str, Any]] = []
        self._offset = 0
        self._seen: dict[tuple[Any, ...], int] = {}

    def encode(self, value: Any, where: str) -> Any:
        """A value as JSON has it; containers and tensors as a pair of a kind and content."""
        if type(value) in _AS_IN_JSON:
            return value
        if isinstance(value, torch.Tensor):
            return ["tensor", self._tensor(value, where)]
        if isinstance(value, np.ndarray):
            return ["array", self._array(value, where)]
        if isinstance(value, np.generic):
            return self.encode(value.item(), where)
        if isinstance(value, (bytes, bytearray)):
            return ["bytes", base64.b64encode(value).decode()]
        if isinstance(value, Mapping):
            kind = "counter" if isinstance(value, Counter) else "dict"
            return [kind, [self._pair(pair, where) for pair in value.items()]]
        for kind, types in _SEQUENCES.items():
            if isinstance(value, types):
                members = list(cast("Any", value))
                if kind == "set":
                    members.sort(key=repr)
                return [kind, [self._member(*each, where) for each in enumerate(members)]]
        raise DataError(
            f"{where.lstrip('.') or 'the tree'} is of type {type(value).__name__}, which a sealed "
            "file cannot hold; use tensors, arrays, numbers, texts and containers of these"
        )

    def _member(self, position: int, value: Any, where: str) -> Any:
        # States of generators have hundreds of numbers.
        return value if type(value) in _AS_IN_JSON else self.encode(value, f"{where}[{position}]")

    def _pair(self, pair: tuple[Any, Any], where: str) -> list[Any]:
        key, value = pair
        return [self.encode(key, f"{where}.{key}"), self.encode(value, f"{where}.{key}")]

    def _tensor(self, tensor: torch.Tensor, where: str) -> int:
        if tensor.layout is not torch.strided or not _is_real(tensor.dtype):
            raise DataError(f"{where.lstrip('.')} is no dense tensor of real numbers")
        if tensor.device.type != "cpu":
            raise DataError(f"{where.lstrip('.')} lies on {tensor.device}; copy it to the host")
        key = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        if tensor.numel() and key in self._seen:
            return self._seen[key]
        memory = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
        dtype = str(tensor.dtype).removeprefix("torch.")
        self._seen[key] = self._add(memory, dtype, list(tensor.shape))
        return self._seen[key]

    def _array(self, array: npt.NDArray[Any], where: str) -> int:
        if array.dtype.kind not in _KINDS:
            raise DataError(f"{where.lstrip('.')} is an array of {array.dtype}, not of numbers")
        memory = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        return self._add(memory, array.dtype.str, list(array.shape))

    def _add(self, memory: Bytes, dtype: str, shape: list[int]) -> int:
        self.specs.append({"dtype": dtype, "shape": shape, "offset": self._offset})
        self.arrays.append(memory)
        self._offset = _aligned(self._offset + memory.nbytes)
        return len(self.specs) - 1


_KINDS = "biufc"
"""Arrays of NumPy that are held: of booleans, integers and floating-point or complex numbers."""

_INTEGERS = {
    *(torch.bool, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.uint8, torch.uint16, torch.uint32, torch.uint64),
}


def _is_real(dtype: torch.dtype) -> bool:
    """Whether a tensor of this type holds real numbers, each in bytes of its own."""
    return dtype.is_floating_point or dtype in _INTEGERS


_AS_IN_JSON = frozenset({bool, float, int, str, type(None)})
"""Types that JSON has too."""

_SEQUENCES: dict[str, tuple[type, ...]] = {
    "list": (list,),
    "tuple": (tuple,),
    "set": (set, frozenset),
}


class _Reader:
    """Makes a tree of what a `_Packer` has made."""

    def __init__(self, memory: Bytes, specs: list[dict[str, Any]]) -> None:
        self._memory = memory
        self._specs = specs
        self._tensors: dict[int, torch.Tensor] = {}

    def decode(self, encoded: Any) -> Any:
        if isinstance(encoded, str):
            # Texts of code are one object each; torch writes other bytes where they are not.
            return sys.intern(encoded)
        if not isinstance(encoded, list):
            if isinstance(encoded, dict):
                raise TypeError(f"{encoded} in place of a kind and its content")
            return encoded
        kind, content = encoded
        if kind == "tensor":
            if content not in self._tensors:
                self._tensors[content] = self._tensor(self._specs[content])
            return self._tensors[content]
        if kind == "array":
            spec = self._specs[content]
            return self._numbers(spec, np.dtype(str(spec["dtype"])))
        if kind == "bytes":
            return base64.b64decode(content, validate=True)
        if kind in ("dict", "counter"):
            pairs = {self.decode(key): self.decode(value) for key, value in content}
            return Counter(pairs) if kind == "counter" else pairs
        return _MAKERS[kind](self.decode(member) for member in content)

    def _numbers(self, spec: dict[str, Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        if dtype.kind not in _KINDS:
            raise TypeError(f"an array of {dtype}")
        shape, start = spec["shape"], spec["offset"]
        if not all(type(size) is int and size >= 0 for size in (*shape, start)):
            raise ValueError(f"an array of the sizes {shape} at {start}")
        stop = start + math.prod(shape) * dtype.itemsize
        # Where it begins in between, or reaches beyond the file, another library could crash.
        if start % ALIGNMENT or stop > len(self._memory):
            raise ValueError(f"an array from byte {start} to {stop} of {len(self._memory)}")
        numbers: npt.NDArray[Any] = self._memory[start:stop].view(dtype).reshape(shape)
        return numbers

    def _tensor(self, spec: dict[str, Any]) -> torch.Tensor:
        dtype = getattr(torch, str(spec["dtype"]), None)
        if not isinstance(dtype, torch.dtype) or not _is_real(dtype):
            raise TypeError(f"a tensor of {spec['dtype']}")
        raw = dict(spec, shape=[*spec["shape"], dtype.itemsize])
        numbers = torch.from_numpy(self._numbers(raw, np.dtype(np.uint8)))
        return numbers.reshape(-1).view(dtype).reshape(spec["shape"])


_MAKERS: dict[str, Callable[..., Any]] = {"list": list, "tuple": tuple, "set": set}
